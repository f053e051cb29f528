import type { Row } from '../column.ts';

/** How rows of one type are written. */
export interface RowWriter<T> {
  readonly table: string;
  /** Writes a whole row. */
  readonly sql: string;
  readonly encode: (value: T) => Row;
  /** A text of its own for each primary key. */
  readonly keyOf: (row: Row) => string;
  /** Writes these columns of a row that exists: their cells, then those of the key. */
  readonly updateSql: (changed: readonly number[]) => string;
  readonly updateCells: (row: Row, changed: readonly number[]) => Row;
}
