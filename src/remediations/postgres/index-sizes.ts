import { z } from 'zod';
import { defineRemediation } from '../../domain/remediation.ts';
import { withPostgresSession } from './postgres-session.ts';
import { requireSchema } from './require-schema.ts';
import { IS_OF_USERS, RELATION_PARAMS } from './user-relations.ts';

const indexSize = z.object({
  schema: z.string(),
  table: z.string(),
  index: z.string(),
  bytes: z.number(),
  scans: z.number(),
  constraint: z.boolean(),
  valid: z.boolean(),
  unused: z.boolean(),
});
const totals = { matching: z.coerce.number().int(), unused_count: z.coerce.number().int(), invalid: z.coerce.number().int() };
const foundRow = indexSize
  .extend({ ...totals, matching_bytes: z.number(), unused_bytes: z.number() })
  .transform(({ matching, unused_count, invalid, matching_bytes, unused_bytes, ...index }) => ({
    index,
    totals: { count: matching, bytes: matching_bytes, unused: unused_count, unused_bytes, invalid },
  }));

const NO_INDEXES = { count: 0, bytes: 0, unused: 0, unused_bytes: 0, invalid: 0 };

/** How much disk indexes take, and how often they are used. */
export const indexSizes = defineRemediation({
  name: 'postgres.index_sizes',
  summary: 'Measures the largest indexes on disk, and counts those that no query has used.',
  notes: [
    'Needs a role that may connect, and no right on any table: `CREATE ROLE remedyd LOGIN PASSWORD …;',
    'GRANT CONNECT ON DATABASE app TO remedyd;`',
    '',
    "Only the database of the connection's URL. Scans count since the statistics were last reset, and on this server only: an index",
    'may be in use on a standby, or at the end of each month. An index that keeps rows unique or a constraint is never called unused.',
    'An invalid one is what a failed `CREATE INDEX CONCURRENTLY` or `REINDEX CONCURRENTLY` has left, or one that is being built.',
    'Measuring takes a short lock on each index, for which it waits behind `ALTER TABLE`, `REINDEX` and the like.',
  ].join('\n'),
  connection: 'postgres',
  params: RELATION_PARAMS,
  outputs: {
    count: { type: 'int', description: 'How many indexes match, with those beyond `limit`' },
    bytes: { type: 'bytes', description: 'What they take together' },
    unused: { type: 'int', description: 'How many of them no query has used, and no constraint needs' },
    unused_bytes: { type: 'bytes', description: 'What the unused ones take together' },
    invalid: { type: 'int', description: 'How many of them are invalid' },
    indexes: {
      type: 'list',
      description:
        'The largest first: schema, table, index, bytes, scans, constraint (unique, primary key or exclusion), valid, unused',
    },
  },
  example: {
    count: 97,
    bytes: 3_221_225_472,
    unused: 1,
    unused_bytes: 536_870_912,
    invalid: 0,
    indexes: [
      {
        schema: 'public',
        table: 'orders',
        index: 'orders_note_idx',
        bytes: 536_870_912,
        scans: 0,
        constraint: false,
        valid: true,
        unused: true,
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ limit, schema = null }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `measure the largest indexes of PostgreSQL "${name}"`,
      identity: { connection: name, limit, schema },
      touches: [],
      data: { limit, schema },
    });
  },

  run({ data }, context) {
    return withPostgresSession(context, async (session) => {
      await requireSchema(session, data.schema, context.connection.name);
      // An index that is dropped meanwhile has no size.
      const rows = await session.read(
        foundRow,
        `SELECT found.*, count(*) OVER () AS matching, sum(bytes) OVER () AS matching_bytes,
           count(*) FILTER (WHERE unused) OVER () AS unused_count, count(*) FILTER (WHERE NOT valid) OVER () AS invalid,
           coalesce(sum(bytes) FILTER (WHERE unused) OVER (), 0) AS unused_bytes
         FROM (
           SELECT namespace.nspname AS schema, owner.relname AS table, relation.relname AS index, size.bytes::float8,
             coalesce(stat.idx_scan, 0)::float8 AS scans, needed.needed AS constraint, entry.indisvalid AS valid,
             coalesce(stat.idx_scan, 0) = 0 AND NOT needed.needed AND entry.indisvalid AS unused
           FROM pg_index AS entry JOIN pg_class AS relation ON relation.oid = entry.indexrelid
             JOIN pg_class AS owner ON owner.oid = entry.indrelid
             JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
             LEFT JOIN pg_stat_all_indexes AS stat ON stat.indexrelid = entry.indexrelid
             CROSS JOIN LATERAL (SELECT entry.indisunique OR entry.indisexclusion AS needed) AS needed
             CROSS JOIN LATERAL (SELECT pg_relation_size(relation.oid) AS bytes OFFSET 0) AS size
           WHERE relation.relkind = 'i' AND ${IS_OF_USERS} AND size.bytes IS NOT NULL
         ) AS found
         ORDER BY bytes DESC, schema, index LIMIT $2`,
        [data.schema, data.limit],
      );
      return { ...(rows[0]?.totals ?? NO_INDEXES), indexes: rows.map(({ index }) => index) };
    });
  },
});
