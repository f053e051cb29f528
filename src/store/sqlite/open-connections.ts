import type { Clock } from '../../domain/clock.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import type { Connection } from './batch.ts';
import type { DatabaseOptions } from './database.ts';
import { InThreadConnection } from './in-thread-connection.ts';
import { ProcessLock } from './process-lock.ts';
import { SQLITE_DDL } from './sqlite-dialect.ts';
import { createStoreFile, locateStoreFile } from './store-file.ts';
import { WorkerConnection } from './worker-connection.ts';

/** The connections of an open store. */
export interface Connections {
  readonly writer: Connection;
  /** Sees what is committed, and holds up nobody. A store in memory has none. */
  readonly reader: Connection | undefined;
  close(): Promise<void>;
}

export interface ConnectionsOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly busyTimeoutMs: number;
  readonly commitDelayMs: number;
}

/** Opens a store, as a file for this process alone or in memory. Throws `StoreUnavailableError`; leaves nothing open then. */
export async function openConnections({ path, clock, busyTimeoutMs, commitDelayMs }: ConnectionsOptions): Promise<Connections> {
  const migrations = MIGRATIONS.map((migrate) => migrate(SQLITE_DDL));
  const options: DatabaseOptions = { path, readOnly: false, busyTimeoutMs, commitDelayMs, migrations };
  if (path === ':memory:') {
    const writer = new InThreadConnection(options);
    return { writer, reader: undefined, close: () => writer.close() };
  }
  const file = locateStoreFile(path);
  createStoreFile(file.lockPath);
  const stack = new AsyncDisposableStack();
  try {
    stack.use(ProcessLock.acquire(file.lockPath, path));
    createStoreFile(file.path);
    const writer = new WorkerConnection({ ...options, path: file.path }, clock);
    const reader = new WorkerConnection({ ...options, path: file.path, readOnly: true }, clock);
    stack.defer(() => writer.close());
    // The first to be closed, so that the writer is the last connection of the file and empties its log.
    stack.defer(() => reader.close());
    // The reader's thread may start meanwhile: it reads nothing before it is asked, and then the tables are there.
    await Promise.all([writer.open(), reader.open()]);
    return { writer, reader, close: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
