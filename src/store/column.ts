import { copyLabels } from '../domain/alert.ts';
import type { Labels } from '../domain/alert.ts';

/** What a cell of a row holds, the same in every backend. Booleans are 0 and 1, nested values are JSON text. */
export type Cell = string | number | null;

/** One row, its cells in the order of the table's columns. */
export type Row = readonly Cell[];

/** A cell that the query has selected. */
export function cellAt(row: Row, index: number): Cell {
  const cell = row[index];
  if (cell === undefined) throw new TypeError(`a row of ${row.length} cells has none at ${index}`);
  return cell;
}

/** How one field of a domain type is kept in a column. */
export interface Column<T> {
  readonly encode: (value: T) => Cell;
  /** Throws a `TypeError` for a cell that `encode` cannot have written. */
  readonly decode: (cell: Cell) => T;
}

/**
 * Text as it is, except that lone surrogates become U+FFFD, because neither SQLite nor PostgreSQL can hold them.
 * What looks a text up has to do the same.
 */
export const text: Column<string> = {
  encode: (value) => value.toWellFormed(),
  decode(cell) {
    if (typeof cell === 'string') return cell;
    throw unexpected('text', cell);
  },
};

/** Whole numbers: counts, ranks and instants. A fraction of a millisecond is rounded away. */
export const integer: Column<number> = {
  encode: (value) => Math.round(value),
  decode(cell) {
    if (typeof cell === 'number') return cell;
    throw unexpected('a number', cell);
  },
};

export const flag: Column<boolean> = {
  encode: (value) => (value ? 1 : 0),
  decode(cell) {
    if (cell === 0 || cell === 1) return cell === 1;
    throw unexpected('0 or 1', cell);
  },
};

export const labels: Column<Labels> = {
  encode: (value) => JSON.stringify(value),
  decode: (cell) => copyLabels(json<Labels>().decode(cell)),
};

/** One word of a closed list. */
export function word<const W extends string>(words: readonly W[]): Column<W> {
  return {
    encode: (value) => value,
    decode(cell) {
      const found = words.find((known) => known === cell);
      if (found !== undefined) return found;
      throw unexpected(`one of ${words.join(', ')}`, cell);
    },
  };
}

export function nullable<T>(column: Column<T>): Column<T | null> {
  return {
    encode: (value) => (value === null ? null : column.encode(value)),
    decode: (cell) => (cell === null ? null : column.decode(cell)),
  };
}

/** A nested value as JSON text, which escapes NUL and lone surrogates. `revive` restores what JSON cannot say. */
export function json<T>(revive: (value: T) => T = (value) => value): Column<T> {
  return {
    encode: (value) => JSON.stringify(value),
    // Only `encode` of the same column writes these cells, so the text has the type it was made from.
    decode: (cell) => revive(JSON.parse(text.decode(cell)) as T),
  };
}

function unexpected(wanted: string, cell: Cell): TypeError {
  return new TypeError(`a row holds ${typeof cell} where ${wanted} should be`);
}
