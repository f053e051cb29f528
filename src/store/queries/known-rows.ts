import type { Row } from '../column.ts';
import type { RowWriter } from './row-writer.ts';

/**
 * The rows that a transaction has read, as they were: nobody else writes meanwhile, so a save needs to write only the columns
 * that differ. Whole rows would also rewrite the entries of every index.
 */
export class KnownRows {
  readonly #tables = new Map<string, Map<string, Row>>();

  /** Returns what was known of the row before. */
  replace<T>(writer: RowWriter<T>, row: Row): Row | undefined {
    const rows = this.#tables.get(writer.table) ?? new Map<string, Row>();
    const key = writer.keyOf(row);
    const before = rows.get(key);
    rows.set(key, row);
    this.#tables.set(writer.table, rows);
    return before;
  }

  /** After a write that says which rows it changes only to the database. */
  forget<T>(writer: RowWriter<T>): void {
    this.#tables.delete(writer.table);
  }
}
