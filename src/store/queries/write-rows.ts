import { sql } from 'kysely';
import type { Row } from '../column.ts';
import type { Table } from '../table.ts';
import type { StoreDialect } from './store-dialect.ts';

/** How rows of one type are written. */
export interface RowWriter<T> {
  readonly sql: string;
  readonly encode: (value: T) => Row;
}

/** Whole rows, by primary key: what exists is replaced. Rows of tables without a key are added. */
export function replaceRows<N extends string, T>(dialect: StoreDialect, table: Table<N, T>): RowWriter<T> {
  const updates = table.columns.filter((column) => !table.key.includes(column));
  const set = sql.join(updates.map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`));
  const conflict = table.key.length === 0 ? sql`` : sql` on conflict (${keyOf(table)}) do update set ${set}`;
  return createWriter(dialect, table, conflict);
}

/** Rows that stay as they are if they are there already. */
export function addMissingRows<N extends string, T>(dialect: StoreDialect, table: Table<N, T>): RowWriter<T> {
  return createWriter(dialect, table, sql` on conflict (${keyOf(table)}) do nothing`);
}

function createWriter<N extends string, T>(
  dialect: StoreDialect,
  table: Table<N, T>,
  conflict: ReturnType<typeof sql>,
): RowWriter<T> {
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  const values = sql.join(table.columns.map((column) => sql`${column}`));
  return {
    sql: dialect.compile(sql`insert into ${sql.table(table.name)} (${columns}) values (${values})${conflict}`).sql,
    encode: table.encode,
  };
}

function keyOf<N extends string, T>(table: Table<N, T>): ReturnType<typeof sql> {
  return sql.join(table.key.map((column) => sql.ref(column)));
}
