import { StoreUnavailableError } from '../../domain/store.ts';
import type { Batch, BatchResult, Connection } from './batch.ts';
import { Database } from './database.ts';
import type { DatabaseOptions } from './database.ts';
import { describeFailure, failureToError } from './failure.ts';

/** A database in the caller's own thread, for tests: no timers and no I/O, so that it runs under a virtual clock. */
export class InThreadConnection implements Connection {
  readonly #path: string;
  #database: Database | undefined;

  constructor(options: DatabaseOptions) {
    this.#path = options.path;
    this.#database = new Database(options);
  }

  execute(batch: Batch): Promise<BatchResult> {
    return this.#run(() => this.#open().execute(batch));
  }

  rollback(): Promise<void> {
    return this.#run(() => {
      this.#open().rollback();
    });
  }

  close(): Promise<void> {
    return this.#run(() => {
      this.#database?.close();
      this.#database = undefined;
    });
  }

  #run<T>(work: () => T): Promise<T> {
    try {
      return Promise.resolve(work());
    } catch (error) {
      return Promise.reject(error instanceof StoreUnavailableError ? error : failureToError(describeFailure(error), this.#path));
    }
  }

  #open(): Database {
    if (this.#database === undefined) throw new StoreUnavailableError('closed', `store ${this.#path}: it is closed`);
    return this.#database;
  }
}
