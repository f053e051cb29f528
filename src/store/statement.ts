import type { Row } from './column.ts';
import type { BoundQuery } from './queries/prepared-query.ts';

/** An SQL text and the rows it is run with, one after the other. A query has exactly one. */
export interface Statement {
  readonly sql: string;
  readonly rows: readonly Row[];
}

export function queryStatement<T>({ sql, values }: BoundQuery<T>): Statement {
  return { sql, rows: [values] };
}
