import type { Row } from '../column.ts';
import { bind } from '../queries/prepared-query.ts';
import type { PreparedQuery } from '../queries/prepared-query.ts';
import { queryStatement } from '../statement.ts';
import type { Statement } from '../statement.ts';
import type { Batch, Connection } from './batch.ts';

interface Waiting {
  readonly statement: Statement;
  readonly resolve: (rows: readonly Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One transaction on a connection, in as few messages as its callers allow: statements that are asked for in one go travel together,
 * `begin` with the first of them, writes with whatever comes next, and the commit with the last writes.
 */
export class SqliteSession {
  readonly #connection: Connection;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #state: 'new' | 'open' | 'over' = 'new';
  /** The first error: what comes after it can only fail in the same way. */
  #failure: { readonly error: unknown } | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `note` sees each row before it is decoded. */
  async query<V, T>(query: PreparedQuery<V, T>, values: V, note?: (row: Row) => void): Promise<readonly T[]> {
    const rows = this.#add(queryStatement(bind(query, values)));
    this.#schedule();
    return (await rows).map((row) => {
      note?.(row);
      return query.decode(row);
    });
  }

  /** To be sent with the next query, `flush` or `commit`, which fails if this does. */
  write(statement: Statement): void {
    // Whoever flushes is told; nobody waits for this one.
    this.#add(statement).catch(() => undefined);
  }

  /** Sends what is waiting and waits for it. */
  async flush(): Promise<void> {
    if (this.#waiting.length > 0) await this.#send(false);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Returns how long the commit itself took, or `undefined` if nothing was ever asked. */
  async commit(): Promise<number | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'new' && this.#waiting.length === 0) {
      this.#state = 'over';
      return undefined;
    }
    const seconds = await this.#send(true);
    this.#state = 'over';
    return seconds;
  }

  async rollback(): Promise<void> {
    const isOpen = this.#state === 'open' && this.#failure === undefined;
    this.#fail(new Error('the transaction is over'));
    this.#state = 'over';
    if (isOpen) await this.#connection.rollback();
  }

  #add(statement: Statement): Promise<readonly Row[]> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'over') throw new Error('the transaction is over: await its reads and writes inside of it');
    return new Promise((resolve, reject) => this.#waiting.push({ statement, resolve, reject }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      // The error goes to each of the queries that were sent.
      if (this.#waiting.length > 0) this.#send(false).catch(() => undefined);
    });
  }

  async #send(commit: boolean): Promise<number | undefined> {
    const sent = this.#waiting;
    this.#waiting = [];
    const mode: Batch['mode'] = this.#state === 'new' ? 'begin' : 'continue';
    this.#state = 'open';
    try {
      const { results, commitSeconds } = await this.#connection.execute({
        mode,
        statements: sent.map(({ statement }) => statement),
        commit,
      });
      sent.forEach(({ resolve }, index) => resolve(results[index] ?? []));
      return commitSeconds;
    } catch (error) {
      this.#fail(error);
      for (const { reject } of sent) reject(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }
}
