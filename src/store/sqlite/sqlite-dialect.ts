import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import type { StoreDialect } from '../queries/store-dialect.ts';
import type { DdlDialect } from '../migrations/ddl-dialect.ts';
import type { Schema } from '../rows.ts';

/** SQLite's way to say what the shared queries leave open. */
export function createSqliteDialect(): StoreDialect {
  const builder = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return {
    builder,
    compile: (query) => query.compile(builder),
    texts: (parameter) => sql`(select "value" from json_each(${parameter}))`,
    pairs: (parameter) => sql`(select "value" ->> 0, "value" ->> 1 from json_each(${parameter}))`,
    lastPosition: (table) => sql`max(
      coalesce((select max("position") from ${sql.table(table)}), 0),
      coalesce((select "seq" from "sqlite_sequence" where "name" = ${sql.lit(table)}), 0)
    )`,
    eachText: (parameter, query) => sql`(select ${query(sql`"each"."value"`)} from json_each(${parameter}) as "each")`,
  };
}

export const SQLITE_DDL: DdlDialect = {
  integer: 'integer',
  position: '"position" integer primary key autoincrement',
  table: 'strict',
  keyedTable: 'strict, without rowid',
  appendOnly: (table) =>
    ['update', 'delete'].map(
      (verb) =>
        `create trigger "${table}_no_${verb}" before ${verb} on "${table}" begin select raise(abort, 'the ${table} log is append-only'); end`,
    ),
};
