import type { CompiledQuery, Kysely, RawBuilder } from 'kysely';
import type { Schema } from '../rows.ts';

/** Where the backends' queries differ. */
export interface StoreDialect {
  /** Compiles only: the stores run what it makes on connections of their own. */
  readonly builder: Kysely<Schema>;
  /** The texts of a parameter that holds a JSON array of texts, as a list for `in`. */
  readonly texts: (parameter: RawBuilder<string>) => RawBuilder<string>;
  /** The pairs of a parameter that holds a JSON array of pairs of texts, as a list for `in` with two columns. */
  readonly pairs: (parameter: RawBuilder<string>) => RawBuilder<string>;
  /** Runs of `query` for each text of the parameter: `(select query(value) from …)`. */
  readonly eachText: (
    parameter: RawBuilder<string>,
    query: (value: RawBuilder<string>) => RawBuilder<string>,
  ) => RawBuilder<string>;
  /** The last position that a table has given out, also when that row is gone. */
  readonly lastPosition: (table: 'audit') => RawBuilder<number>;
  readonly compile: (query: RawBuilder<unknown>) => CompiledQuery;
}
