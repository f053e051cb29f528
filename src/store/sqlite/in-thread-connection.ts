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

  async execute(batch: Batch): Promise<BatchResult> {
    try {
      return this.#open().execute(batch);
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error;
      throw failureToError(describeFailure(error), this.#path);
    }
  }

  async rollback(): Promise<void> {
    this.#open().rollback();
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): Database {
    if (this.#database === undefined) throw new StoreUnavailableError('closed', `store ${this.#path}: it is closed`);
    return this.#database;
  }
}
