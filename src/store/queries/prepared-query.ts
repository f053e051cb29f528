import { sql } from 'kysely';
import type { CompiledQuery, RawBuilder } from 'kysely';
import { text } from '../column.ts';
import type { Cell, Row } from '../column.ts';

/** How the values of a query's parameters become cells. Lists are one cell, so that a query is one text whatever their length. */
const ENCODERS = {
  text: (value: string): Cell => text.encode(value),
  integer: (value: number): Cell => value,
  texts: (value: readonly string[]): Cell => JSON.stringify(value.map(text.encode)),
  pairs: (value: readonly (readonly [string, string])[]): Cell =>
    JSON.stringify(value.map(([first, second]) => [text.encode(first), text.encode(second)])),
} as const;

type Kind = keyof typeof ENCODERS;
type Kinds = Readonly<Record<string, Kind>>;
interface KindTypes {
  readonly text: string;
  readonly integer: number;
  readonly texts: readonly string[];
  readonly pairs: readonly (readonly [string, string])[];
}
type Values<K extends Kinds> = { readonly [N in keyof K]: KindTypes[K[N]] };
type Parameters<K extends Kinds> = { readonly [N in keyof K]: RawBuilder<K[N] extends 'integer' ? number : string> };

/** A query that was compiled once and is bound to values for each use. */
export interface PreparedQuery<V, T> {
  readonly sql: string;
  readonly bind: (values: V) => Row;
  readonly decode: (row: Row) => T;
}

/** A query bound to its values, and how its rows are read. */
export interface BoundQuery<T> {
  readonly sql: string;
  readonly values: Row;
  readonly decode: (row: Row) => T;
}

/**
 * Compiles a query whose parameters are named in `kinds`; Kysely's own would cost tens of microseconds for each use.
 * `decode` reads a row in the order of the selected columns.
 */
export function prepareQuery<const K extends Kinds, T>(
  kinds: K,
  build: (parameters: Parameters<K>) => { compile(): CompiledQuery } | CompiledQuery,
  decode: (row: Row) => T,
): PreparedQuery<Values<K>, T> {
  const names: readonly (keyof K & string)[] = Object.keys(kinds);
  const built = build(Object.fromEntries(names.map((name) => [name, sql`${new Placeholder(name)}`])) as Parameters<K>);
  const compiled = 'compile' in built ? built.compile() : built;
  return {
    sql: compiled.sql,
    decode,
    bind(values) {
      const cells = new Map<string, Cell>(names.map((name) => [name, encode(kinds[name], values[name])]));
      return compiled.parameters.map((parameter) => {
        if (parameter instanceof Placeholder) return cells.get(parameter.name) ?? null;
        return fixedCell(parameter);
      });
    },
  };
}

export function bind<V, T>(query: PreparedQuery<V, T>, values: V): BoundQuery<T> {
  return { sql: query.sql, values: query.bind(values), decode: query.decode };
}

/** Stands in a compiled query for a value that comes with each use. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function encode(kind: Kind | undefined, value: unknown): Cell {
  // `Values` gives each name the type that the encoder of its kind takes; the compiler cannot follow that by index.
  return kind === undefined ? null : (ENCODERS[kind] as (value: unknown) => Cell)(value);
}

function fixedCell(parameter: unknown): Cell {
  if (typeof parameter === 'string' || typeof parameter === 'number' || parameter === null) return parameter;
  throw new TypeError(`a query holds a ${typeof parameter} as a parameter: bind only texts, numbers and null`);
}
