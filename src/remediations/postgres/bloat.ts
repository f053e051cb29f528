import { z } from 'zod';
import { defineRemediation } from '../../domain/remediation.ts';
import { findExtension } from './find-extension.ts';
import { instant } from './instant.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { requireSchema } from './require-schema.ts';
import { IS_OF_USERS, RELATION_PARAMS } from './user-relations.ts';

const tableBloat = z.object({
  schema: z.string(),
  table: z.string(),
  bytes: z.number(),
  live_tuples: z.number(),
  dead_tuples: z.number(),
  dead_ratio: z.number(),
  wasted_bytes: z.number().nullable(),
  vacuumed_at: instant,
  exact: z.boolean(),
});
type TableBloat = z.infer<typeof tableBloat>;

const estimatedRow = tableBloat.extend({ oid: z.int() });
const measuredRow = tableBloat.pick({ bytes: true, live_tuples: true, dead_tuples: true, wasted_bytes: true });

/** How many dead rows the tables carry that vacuum has not removed yet. */
export const bloat = defineRemediation({
  name: 'postgres.bloat',
  summary:
    'Lists the tables with the most dead rows: measured where pgstattuple may be used, else estimated from the statistics.',
  notes: [
    'Needs a role that may connect, and no right on any table: `CREATE ROLE remedyd LOGIN PASSWORD …;',
    'GRANT CONNECT ON DATABASE app TO remedyd;` That gives the estimate: the dead rows that the server has counted, which is off after',
    'a crash, a reset of the statistics or a bulk load, and knows nothing of free space inside the files.',
    '',
    'To measure instead: `CREATE EXTENSION pgstattuple;` in the database, and `GRANT pg_stat_scan_tables TO remedyd;`. Measuring reads',
    'the whole table from disk, so tables larger than `measure_up_to` are estimated all the same. `method` says what was done,',
    '`exact` the same of each table.',
    '',
    "Only the database of the connection's URL. Which tables are listed, and in which order, goes by the statistics.",
    'Dead rows that stay after a vacuum are held by an old transaction (`postgres.terminate_idle_in_transaction`), a prepared',
    'transaction, a replication slot or a standby (`postgres.replication_lag`).',
  ].join('\n'),
  connection: 'postgres',
  params: {
    ...RELATION_PARAMS,
    min_bytes: {
      type: 'bytes',
      default: '1MiB',
      description: 'Only tables at least this large: the ratio of a small one says little',
    },
    measure_up_to: {
      type: 'bytes',
      default: '1GiB',
      description: 'Measure no table larger than this; `0` measures none',
    },
  },
  outputs: {
    method: {
      type: 'string',
      description: '`estimate`, `pgstattuple`, or `mixed` when some of the listed tables were measured and others not',
    },
    worst_ratio: { type: 'number', description: 'The highest `dead_ratio` of the listed tables; 0 when there are none' },
    dead_tuples: { type: 'int', description: 'The dead rows of the listed tables together' },
    tables: {
      type: 'list',
      description:
        'The most dead rows first: schema, table, bytes, live_tuples, dead_tuples, dead_ratio (dead ones of all rows, 0 to 1), wasted_bytes (dead rows and free space; null when estimated), vacuumed_at (null: never since the statistics began), exact',
    },
  },
  example: {
    method: 'estimate',
    worst_ratio: 0.25,
    dead_tuples: 4_000_000,
    tables: [
      {
        schema: 'public',
        table: 'orders',
        bytes: 4_294_967_296,
        live_tuples: 12_000_000,
        dead_tuples: 4_000_000,
        dead_ratio: 0.25,
        wasted_bytes: null,
        vacuumed_at: '2026-01-31T12:00:00.123Z',
        exact: false,
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ limit, schema = null, min_bytes, measure_up_to }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `look for dead rows in the tables of PostgreSQL "${name}"`,
      identity: { connection: name, limit, schema, min_bytes, measure_up_to },
      touches: [],
      data: { limit, schema, min_bytes, measure_up_to },
    });
  },

  run({ data }, context) {
    return withPostgresSession(context, async (session) => {
      await requireSchema(session, data.schema, context.connection.name);
      const measuring = data.measure_up_to > 0 ? await findMeasuring(session) : undefined;
      const tables: TableBloat[] = [];
      for (const { oid, ...estimate } of await estimateTables(session, data)) {
        const isMeasured = measuring !== undefined && estimate.bytes <= data.measure_up_to;
        tables.push(isMeasured ? await measureTable(session, measuring, oid, estimate) : estimate);
      }
      return {
        method: describeMethod(tables),
        worst_ratio: tables.reduce((worst, { dead_ratio }) => Math.max(worst, dead_ratio), 0),
        dead_tuples: tables.reduce((sum, { dead_tuples }) => sum + dead_tuples, 0),
        tables,
      };
    });
  },
});

function estimateTables(
  session: PostgresSession,
  data: { readonly limit: number; readonly schema: string | null; readonly min_bytes: number },
): Promise<z.infer<typeof estimatedRow>[]> {
  return session.read(
    estimatedRow,
    `SELECT relation.oid, namespace.nspname AS schema, relation.relname AS table, size.bytes::float8,
       stat.n_live_tup::float8 AS live_tuples, stat.n_dead_tup::float8 AS dead_tuples,
       coalesce(stat.n_dead_tup / nullif(stat.n_live_tup + stat.n_dead_tup, 0)::float8, 0) AS dead_ratio, NULL AS wasted_bytes,
       greatest(stat.last_vacuum, stat.last_autovacuum) AS vacuumed_at, false AS exact
     FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
       JOIN pg_stat_all_tables AS stat ON stat.relid = relation.oid
       CROSS JOIN LATERAL (SELECT pg_relation_size(relation.oid) AS bytes OFFSET 0) AS size
     WHERE relation.relkind IN ('r', 'm') AND ${IS_OF_USERS} AND size.bytes >= $2
     ORDER BY stat.n_dead_tup DESC, size.bytes DESC, namespace.nspname, relation.relname LIMIT $3`,
    [data.schema, data.min_bytes, data.limit],
  );
}

/** The function that measures a table; `undefined` when it is not there or our role may not use it. */
async function findMeasuring(session: PostgresSession): Promise<string | undefined> {
  const schema = await findExtension(session, 'pgstattuple');
  if (schema === undefined) return undefined;
  const [row] = await session.read(
    z.object({ may: z.boolean() }),
    `SELECT has_schema_privilege($1::regnamespace, 'USAGE') AND has_function_privilege($1 || '.pgstattuple(regclass)', 'EXECUTE') AS may`,
    [schema],
  );
  return row?.may === true ? `${schema}.pgstattuple` : undefined;
}

/** What reading the whole table counts; the estimate when the table is gone. */
async function measureTable(session: PostgresSession, measuring: string, oid: number, estimate: TableBloat): Promise<TableBloat> {
  const [row] = await session.read(
    measuredRow,
    `SELECT measured.table_len::float8 AS bytes, measured.tuple_count::float8 AS live_tuples,
       measured.dead_tuple_count::float8 AS dead_tuples, (measured.dead_tuple_len + measured.free_space)::float8 AS wasted_bytes
     FROM pg_class AS relation CROSS JOIN LATERAL ${measuring}(relation.oid::regclass) AS measured WHERE relation.oid = $1`,
    [oid],
  );
  if (row === undefined) return estimate;
  const tuples = row.live_tuples + row.dead_tuples;
  return { ...estimate, ...row, dead_ratio: tuples === 0 ? 0 : row.dead_tuples / tuples, exact: true };
}

function describeMethod(tables: readonly TableBloat[]): 'estimate' | 'pgstattuple' | 'mixed' {
  if (!tables.some(({ exact }) => exact)) return 'estimate';
  return tables.every(({ exact }) => exact) ? 'pgstattuple' : 'mixed';
}
