import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../../domain/store.ts';
import { describeFailure, failureToError } from './failure.ts';

/** SQLITE_BUSY */
const BUSY = 5;
/** Two that start at once block each other for a moment; whoever cannot get the lock for this long is the second. */
const PATIENCE_MS = 500;

/**
 * Keeps a second process from the store. Node has no `flock`, so this is SQLite's own file lock on an empty database beside it: an
 * open exclusive transaction, which the kernel ends with the process however it dies. Nothing else of this process may
 * open that file, because closing it would drop the lock (POSIX record locks).
 */
export class ProcessLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws `StoreUnavailableError` when someone else has it. */
  static acquire(path: string, storePath: string): ProcessLock {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: PATIENCE_MS });
      database.exec('begin exclusive');
      return new ProcessLock(database);
    } catch (cause) {
      database?.close();
      const failure = describeFailure(cause);
      if (failure.resultCode === BUSY) {
        throw new StoreUnavailableError(
          'locked',
          `store ${storePath}: another remedyd process uses it: stop that one, or give this one a file of its own`,
          { cause },
        );
      }
      throw failureToError(failure, path);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
