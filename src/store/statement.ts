import type { Row } from './column.ts';
import type { BoundQuery } from './queries/prepared-query.ts';
import type { RowWriter } from './queries/write-rows.ts';

/** An SQL text and the rows it is run with, one after the other. A query has exactly one. */
export interface Statement {
  readonly sql: string;
  readonly rows: readonly Row[];
}

export function queryStatement<T>({ sql, values }: BoundQuery<T>): Statement {
  return { sql, rows: [values] };
}

export function writeStatement<T>(writer: RowWriter<T>, values: readonly T[]): Statement {
  return { sql: writer.sql, rows: values.map((value) => writer.encode(value)) };
}
