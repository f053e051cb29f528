import { cellAt } from './column.ts';
import type { Cell, Column, Row } from './column.ts';

/** `incidentId` → `incident_id`. */
export type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : '';

/** The type of a cell of a column that holds a `T`. */
export type CellOf<T> = T extends boolean ? number : T extends string | number | null ? T : string;

/** A table as Kysely knows it. */
export type ColumnsOf<T> = { [K in keyof T & string as SnakeCase<K>]: CellOf<T[K]> };

/** A domain type as rows of one table: the only place that says which field is in which column. */
export interface Table<N extends string, T> {
  readonly name: N;
  /** The columns of the primary key. */
  readonly key: readonly string[];
  /** In the order in which `encode` writes and `decode` reads. */
  readonly columns: readonly SnakeCase<keyof T & string>[];
  /** The same with the table's name in front, for joins. */
  readonly references: readonly `${N}.${SnakeCase<keyof T & string>}`[];
  readonly encode: (value: T) => Row;
  /** Reads the cells from `offset` on. */
  readonly decode: (row: Row, offset?: number) => T;
}

/** Every field of `T` must have its column. */
export function defineTable<T>() {
  return <const N extends string>(
    name: N,
    key: readonly (keyof T & string)[],
    columns: { readonly [K in keyof T & string]-?: Column<T[K]> },
  ): Table<N, T> => {
    // `Object.keys` forgets the key type that the mapped type above has just required.
    const fields = Object.keys(columns) as (keyof T & string)[];
    const names = fields.map(snakeCase);
    return {
      name,
      key: key.map(snakeCase),
      columns: names,
      references: names.map((column) => `${name}.${column}` as const),
      encode: (value) => fields.map((field): Cell => columns[field].encode(value[field])),
      decode(row, offset = 0) {
        const value: Partial<T> = {};
        fields.forEach((field, index) => {
          value[field] = columns[field].decode(cellAt(row, offset + index));
        });
        // All fields have been set: `fields` are the keys of `T`.
        return value as T;
      },
    };
  };
}

function snakeCase<S extends string>(name: S): SnakeCase<S> {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as SnakeCase<S>;
}
