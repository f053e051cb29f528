import type { Row } from '../column.ts';
import { bind } from '../queries/prepared-query.ts';
import type { BoundQuery, PreparedQuery } from '../queries/prepared-query.ts';
import { queryStatement } from '../statement.ts';
import type { Connection } from './batch.ts';

interface Waiting {
  readonly query: BoundQuery<unknown>;
  readonly resolve: (rows: readonly Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads outside of transactions. Queries that are started together travel in one message and see one state. */
export class SnapshotReads {
  readonly #connection: Connection;
  #waiting: Waiting[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  query<V, T>(query: PreparedQuery<V, T>, values: V): Promise<readonly T[]> {
    return this.run(bind(query, values));
  }

  async run<T>(query: BoundQuery<T>): Promise<readonly T[]> {
    const rows = await new Promise<readonly Row[]>((resolve, reject) => {
      if (this.#waiting.push({ query, resolve, reject }) === 1) queueMicrotask(() => void this.#send());
    });
    return rows.map((row) => query.decode(row));
  }

  async #send(): Promise<void> {
    const sent = this.#waiting;
    this.#waiting = [];
    try {
      const statements = sent.map(({ query }) => queryStatement(query));
      const { results } = await this.#connection.execute({ mode: 'snapshot', statements, commit: false });
      sent.forEach(({ resolve }, index) => resolve(results[index] ?? []));
    } catch (error) {
      for (const { reject } of sent) reject(error);
    }
  }
}
