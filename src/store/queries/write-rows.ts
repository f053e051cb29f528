import { sql } from 'kysely';
import type { Row } from '../column.ts';
import { cellAt } from '../column.ts';
import type { Statement } from '../statement.ts';
import type { Table } from '../table.ts';
import type { KnownRows } from './known-rows.ts';
import type { RowWriter } from './row-writer.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Whole rows, by primary key: what exists is replaced. Rows of tables without a key are added. */
export function replaceRows<N extends string, T>(dialect: StoreDialect, table: Table<N, T>): RowWriter<T> {
  const updates = table.columns.filter((column) => !table.key.includes(column));
  const set = sql.join(updates.map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`));
  const conflict = table.key.length === 0 ? sql`` : sql` on conflict (${keyColumns(table)}) do update set ${set}`;
  return createWriter(dialect, table, conflict);
}

/** Rows that stay as they are if they are there already. */
export function addMissingRows<N extends string, T>(dialect: StoreDialect, table: Table<N, T>): RowWriter<T> {
  return createWriter(dialect, table, sql` on conflict (${keyColumns(table)}) do nothing`);
}

/**
 * Rows of the outbox that are not there yet; one that is there only becomes a page when it is asked for as one, and wants to be told
 * once more. A page is worth a new attempt at a place that was given up.
 */
export function askForPlaces<T>(dialect: StoreDialect, table: Table<'notification', T>): RowWriter<T> {
  return createWriter(
    dialect,
    table,
    sql` on conflict ("id") do update set
      "purpose" = 'page',
      "owed_since" = case
        when "notification"."wanted" > "notification"."told_version" then "notification"."owed_since"
        else "excluded"."owed_since"
      end,
      "wanted" = "notification"."wanted" + 1,
      "not_before" = case when "notification"."is_dead" = 1 then "excluded"."not_before" else "notification"."not_before" end,
      "attempts" = case when "notification"."is_dead" = 1 then 0 else "notification"."attempts" end,
      "is_dead" = 0
      where "excluded"."purpose" = 'page' and ("notification"."purpose" <> 'page' or "notification"."is_dead" = 1)`,
  );
}

/** Rows that are there, except for the columns that are `kept` as they are. One that is gone stays gone. */
export function updateRows<N extends string, T>(
  dialect: StoreDialect,
  table: Table<N, T>,
  kept: readonly Table<N, T>['columns'][number][],
): Pick<RowWriter<T>, 'sql' | 'encode'> {
  const writer = createWriter(dialect, table, sql``);
  const changed = [...table.columns.entries()]
    .filter(([, column]) => !table.key.includes(column) && !kept.includes(column))
    .map(([index]) => index);
  return { sql: writer.updateSql(changed), encode: (value) => writer.updateCells(table.encode(value), changed) };
}

export function writeRows<T>(writer: Pick<RowWriter<T>, 'sql' | 'encode'>, values: readonly T[]): Statement {
  return { sql: writer.sql, rows: values.map((value) => writer.encode(value)) };
}

/**
 * One statement for the rows that are not known, and one for all that differ in the same columns from what is known of them.
 * Of two rows with one key the last counts.
 */
export function writeChangedRows<T>(writer: RowWriter<T>, values: readonly T[], known: KnownRows): readonly Statement[] {
  const rows = new Map<string, Row>();
  for (const row of values.map(writer.encode)) rows.set(writer.keyOf(row), row);
  const whole: Row[] = [];
  const updates = new Map<string, Row[]>();
  for (const row of rows.values()) {
    const before = known.replace(writer, row);
    if (before === undefined) {
      whole.push(row);
      continue;
    }
    const changed = changedColumns(before, row);
    if (changed.length === 0) continue;
    const text = writer.updateSql(changed);
    const alike = updates.get(text) ?? [];
    alike.push(writer.updateCells(row, changed));
    updates.set(text, alike);
  }
  const statements = [...updates].map(([text, alike]) => ({ sql: text, rows: alike }));
  return whole.length === 0 ? statements : [...statements, { sql: writer.sql, rows: whole }];
}

function createWriter<N extends string, T>(
  dialect: StoreDialect,
  table: Table<N, T>,
  conflict: ReturnType<typeof sql>,
): RowWriter<T> {
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  const values = sql.join(table.columns.map((column) => sql`${column}`));
  const keyIndexes = table.key.map((key) => table.columns.findIndex((column) => column === key));
  const updateTexts = new Map<string, string>();
  const compileUpdate = (changed: readonly number[]): string => {
    const assign = (index: number) => sql`${sql.ref(String(table.columns[index]))} = ${index}`;
    const set = sql.join(changed.map(assign));
    const where = sql.join(keyIndexes.map(assign), sql` and `);
    return dialect.compile(sql`update ${sql.table(table.name)} set ${set} where ${where}`).sql;
  };
  return {
    table: table.name,
    sql: dialect.compile(sql`insert into ${sql.table(table.name)} (${columns}) values (${values})${conflict}`).sql,
    encode: table.encode,
    keyOf: (row) =>
      keyIndexes.length === 1 ? String(row[keyIndexes[0] ?? 0]) : JSON.stringify(keyIndexes.map((index) => row[index])),
    updateSql(changed) {
      const name = changed.join();
      const text = updateTexts.get(name) ?? compileUpdate(changed);
      updateTexts.set(name, text);
      return text;
    },
    updateCells: (row, changed) => [...changed, ...keyIndexes].map((index) => cellAt(row, index)),
  };
}

function changedColumns(before: Row, after: Row): readonly number[] {
  const changed: number[] = [];
  after.forEach((cell, index) => {
    if (cell !== before[index]) changed.push(index);
  });
  return changed;
}

function keyColumns<N extends string, T>(table: Table<N, T>): ReturnType<typeof sql> {
  return sql.join(table.key.map((column) => sql.ref(column)));
}
