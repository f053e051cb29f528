import type { Clock } from './domain/clock.ts';
import type { Settings } from './domain/settings.ts';
import type { Store } from './domain/store.ts';
import { checkStoreFile, type StoreCheck } from './store/sqlite/check-store.ts';
import { SqliteStore } from './store/sqlite/sqlite-store.ts';

/** The store that the settings name, not opened yet. */
export function createStore(settings: Pick<Settings, 'store'>, clock: Clock): Store {
  return new SqliteStore({ path: settings.store.path, clock });
}

/** Looks at the file of a store beside whoever uses it. Throws `StoreUnavailableError` when it is no store that this version can read. */
export function checkStore(path: string): Promise<StoreCheck> {
  return checkStoreFile(path);
}
