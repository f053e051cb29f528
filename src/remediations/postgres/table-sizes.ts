import { z } from 'zod';
import { defineRemediation } from '../../domain/remediation.ts';
import { withPostgresSession } from './postgres-session.ts';
import { requireSchema } from './require-schema.ts';
import { IS_OF_USERS, RELATION_PARAMS } from './user-relations.ts';

const tableSize = z.object({
  schema: z.string(),
  table: z.string(),
  total_bytes: z.number(),
  table_bytes: z.number(),
  index_bytes: z.number(),
  rows: z.number(),
});
const foundRow = tableSize
  .extend({ matching: z.coerce.number().int() })
  .transform(({ matching, ...table }) => ({ table, matching }));

/** How much disk the database and its largest tables take. */
export const tableSizes = defineRemediation({
  name: 'postgres.table_sizes',
  summary: 'Measures the database and its largest tables on disk.',
  notes: [
    'Needs a role that may connect, and no right on any table: `CREATE ROLE remedyd LOGIN PASSWORD …;',
    'GRANT CONNECT ON DATABASE app TO remedyd;`',
    '',
    "Only the database of the connection's URL. A partition is a table; its partitioned table has no size of its own.",
    '`database_bytes` has everything in it, also the catalogue and what is not listed.',
    'Measuring takes a short lock on each table, for which it waits behind `ALTER TABLE`, `VACUUM FULL` and the like.',
  ].join('\n'),
  connection: 'postgres',
  params: RELATION_PARAMS,
  outputs: {
    database_bytes: { type: 'bytes', description: 'What the whole database takes' },
    count: { type: 'int', description: 'How many tables match, with those beyond `limit`' },
    tables: {
      type: 'list',
      description:
        'The largest tables and materialized views, the largest first: schema, table, total_bytes, table_bytes (with TOAST), index_bytes, rows (an estimate, -1 when there is none yet)',
    },
  },
  example: {
    database_bytes: 8_912_345_678,
    count: 42,
    tables: [
      {
        schema: 'public',
        table: 'orders',
        total_bytes: 5_368_709_120,
        table_bytes: 4_294_967_296,
        index_bytes: 1_073_741_824,
        rows: 12_345_678,
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ limit, schema = null }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `measure the largest tables of PostgreSQL "${name}"`,
      identity: { connection: name, limit, schema },
      touches: [],
      data: { limit, schema },
    });
  },

  run({ data }, context) {
    return withPostgresSession(context, async (session) => {
      await requireSchema(session, data.schema, context.connection.name);
      const [database] = await session.read(
        z.object({ bytes: z.number() }),
        'SELECT pg_database_size(current_database())::float8 AS bytes',
      );
      // A table that is dropped meanwhile has no size.
      const rows = await session.read(
        foundRow,
        `SELECT namespace.nspname AS schema, relation.relname AS table, size.total::float8 AS total_bytes,
           (size.total - size.indexes)::float8 AS table_bytes, size.indexes::float8 AS index_bytes,
           relation.reltuples::float8 AS rows, count(*) OVER () AS matching
         FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
           CROSS JOIN LATERAL (
             SELECT pg_total_relation_size(relation.oid) AS total, pg_indexes_size(relation.oid) AS indexes OFFSET 0
           ) AS size
         WHERE relation.relkind IN ('r', 'm') AND ${IS_OF_USERS} AND size.total IS NOT NULL AND size.indexes IS NOT NULL
         ORDER BY size.total DESC, namespace.nspname, relation.relname LIMIT $2`,
        [data.schema, data.limit],
      );
      return {
        database_bytes: database?.bytes ?? 0,
        count: rows[0]?.matching ?? 0,
        tables: rows.map(({ table }) => table),
      };
    });
  },
});
