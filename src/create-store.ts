import type { Clock } from './domain/clock.ts';
import type { Settings } from './domain/settings.ts';
import type { Store } from './domain/store.ts';
import { SqliteStore } from './store/sqlite/sqlite-store.ts';

/** The store that the settings name, not opened yet. */
export function createStore(settings: Pick<Settings, 'store'>, clock: Clock): Store {
  return new SqliteStore({ path: settings.store.path, clock });
}
