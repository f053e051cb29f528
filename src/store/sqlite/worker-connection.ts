import { Worker } from 'node:worker_threads';
import type { Clock } from '../../domain/clock.ts';
import { StoreUnavailableError } from '../../domain/store.ts';
import type { Batch, BatchResult, Connection } from './batch.ts';
import type { DatabaseOptions } from './database.ts';
import { failureToError } from './failure.ts';
import { decodeAnswer, encodeMessage } from './worker-message.ts';
import type { WorkerAnswer, WorkerRequest } from './worker-message.ts';

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5_000;

/** Starts the thread of `worker.ts`. The file next to this one is `.ts` in the sources and `.js` when built. */
export function startWorker(options: DatabaseOptions): Worker {
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  return new Worker(new URL(file, import.meta.url), { workerData: options, name: 'store' });
}

interface Call {
  readonly resolve: (result: BatchResult | undefined) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A database in a thread of its own. When the thread dies, what was under way fails with `StoreUnavailableError` and another
 * thread is started, with growing pauses; until it has opened the database all calls fail at once.
 */
export class WorkerConnection implements Connection {
  readonly #options: DatabaseOptions;
  readonly #clock: Clock;
  readonly #start: (options: DatabaseOptions) => Worker;
  readonly #calls = new Map<number, Call>();
  readonly #closing = new AbortController();
  #worker: Worker | undefined;
  #nextId = 1;
  #restartMs = FIRST_RESTART_MS;

  constructor(options: DatabaseOptions, clock: Clock, start: (options: DatabaseOptions) => Worker = startWorker) {
    this.#options = options;
    this.#clock = clock;
    this.#start = start;
  }

  /** Resolves when the database is open. Throws why it is not. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = this.#start(this.#options);
      let cause: unknown;
      worker.on('message', (message: string) => {
        const answer = decodeAnswer(message);
        if (answer.kind === 'opened') {
          if (this.#closing.signal.aborted) return void worker.terminate();
          this.#worker = worker;
          this.#restartMs = FIRST_RESTART_MS;
          resolve();
        } else if (answer.kind === 'unopenable') {
          reject(failureToError(answer.failure, this.#options.path));
          // Its thread has nothing to do any more; that it ends is all that can come of this.
          void worker.terminate();
        } else this.#settle(answer);
      });
      worker.on('error', (error) => {
        cause = error;
      });
      worker.on('exit', () => {
        const error = new StoreUnavailableError('io', `store ${this.#options.path}: its thread ended`, { cause });
        reject(error);
        if (this.#worker !== worker) return;
        this.#worker = undefined;
        this.#failCalls(error);
        if (!this.#closing.signal.aborted) void this.#restart();
      });
    });
  }

  async execute(batch: Batch): Promise<BatchResult> {
    const result = await this.#call((id) => ({ kind: 'execute', id, batch }));
    if (result === undefined) throw new TypeError('the thread of the store answered a batch without a result');
    return result;
  }

  async rollback(): Promise<void> {
    await this.#call((id) => ({ kind: 'rollback', id }));
  }

  /** Waits for the calls before it. */
  async close(): Promise<void> {
    this.#closing.abort();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    try {
      await this.#call((id) => ({ kind: 'close', id }));
      this.#worker = undefined;
    } finally {
      await worker.terminate();
      await ended;
    }
  }

  #call(request: (id: number) => WorkerRequest): Promise<BatchResult | undefined> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(this.#unavailable());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#calls.set(id, { resolve, reject });
      worker.postMessage(encodeMessage(request(id)));
    });
  }

  #settle(answer: Extract<WorkerAnswer, { readonly id: number }>): void {
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if (answer.kind === 'done') call?.resolve(answer.result);
    else call?.reject(failureToError(answer.failure, this.#options.path));
  }

  #failCalls(error: Error): void {
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }

  async #restart(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const pauseMs = this.#restartMs;
      this.#restartMs = Math.min(this.#restartMs * 2, LONGEST_RESTART_MS);
      try {
        await this.#clock.sleep(pauseMs, this.#closing.signal);
        await this.open();
        return;
      } catch {
        // Closing ends the loop; a database that cannot be opened is tried again, and every call says meanwhile that it is not there.
      }
    }
  }

  #unavailable(): StoreUnavailableError {
    return this.#closing.signal.aborted
      ? new StoreUnavailableError('closed', `store ${this.#options.path}: it is closed`)
      : new StoreUnavailableError('io', `store ${this.#options.path}: its thread is being started again`);
  }
}
