import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { findExtension } from './find-extension.ts';
import { sqlStateOf } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { queryText, QUERY_TEXT_NOTE, selectQueryText } from './query-text.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;

const slowQuery = z.object({
  user: z.string(),
  database: z.string(),
  calls: z.number(),
  total: z.number(),
  mean: z.number(),
  max: z.number(),
  rows: z.number(),
  share: z.number(),
  query: queryText,
});
type SlowQuery = z.infer<typeof slowQuery>;

/** The statements that have cost the server most time since its statistics were reset. */
export const slowQueries = defineRemediation({
  name: 'postgres.slow_queries',
  summary:
    'Lists the statements that took most time in total, or on average, since the statistics of `pg_stat_statements` began.',
  notes: [
    "Needs the extension pg_stat_statements, of Debian's package postgresql or of postgresql-contrib, in two places: the setting",
    "`shared_preload_libraries = 'pg_stat_statements'` and a restart; then, in the database of the connection's URL,",
    '`CREATE EXTENSION pg_stat_statements;`. Where one of them is missing, the step fails and says which.',
    'Needs a role that sees the statements of others: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO',
    'remedyd; GRANT pg_read_all_stats TO remedyd;` Without that grant it fails with `permission_denied`.',
    '',
    'The figures are of all databases of the server and count from the last `pg_stat_statements_reset()`: a statement that is slow',
    'only now may be far down; `postgres.active_queries` shows what runs at this moment. Planning is not counted in. The',
    'extension replaces constants by `$1` in most statements, not in those such as `ALTER ROLE … PASSWORD`.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    limit: { type: 'int', default: 10, min: 1, max: LONGEST_LIST, description: 'How many to list' },
    order: {
      type: 'string',
      default: 'total',
      enum: ['total', 'mean'],
      description: '`total`: what costs the server most; `mean`: what is slow each time',
    },
    database: { type: 'string', description: 'Only those in this database, by exact name' },
  },
  outputs: {
    queries: {
      type: 'list',
      description:
        "Per statement: user, database, calls, total, mean and max (ms of execution), rows, share (of the listed databases' total execution time, 0 to 1), query",
    },
  },
  example: {
    queries: [
      {
        user: 'web',
        database: 'app',
        calls: 81_234,
        total: 9_876_543.21,
        mean: 121.581,
        max: 4_012.3,
        rows: 81_234,
        share: 0.62,
        query: 'SELECT * FROM orders WHERE note LIKE $1',
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ limit, order, database = null }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `list the ${limit} slowest statements of PostgreSQL "${name}" (by ${order} time)`,
      identity: { connection: name, limit, order, database },
      touches: [],
      data: { limit, order, database },
    });
  },

  run({ data }, context) {
    const { name } = context.connection;
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, name);
      const schema = await findExtension(session, 'pg_stat_statements');
      if (schema === undefined) throw missingExtension(name);
      try {
        return { queries: await readStatements(session, schema, data) };
      } catch (error) {
        throw explain(error, name);
      }
    });
  },
});

function readStatements(
  session: PostgresSession,
  schema: string,
  { limit, order, database }: { readonly limit: number; readonly order: string; readonly database: string | null },
): Promise<SlowQuery[]> {
  const time = order === 'mean' ? 'mean_exec_time' : 'total_exec_time';
  return session.read(
    slowQuery,
    `SELECT coalesce(role.rolname, '') AS user, coalesce(base.datname, '') AS database, statement.calls::float8,
       ${selectRounded('total_exec_time')} AS total, ${selectRounded('mean_exec_time')} AS mean,
       ${selectRounded('max_exec_time')} AS max, statement.rows::float8,
       coalesce(round((statement.total_exec_time / nullif(sum(statement.total_exec_time) OVER (), 0))::numeric, 4), 0)::float8 AS share,
       ${selectQueryText('statement.query')} AS query
     FROM ${schema}.pg_stat_statements AS statement
       LEFT JOIN pg_roles AS role ON role.oid = statement.userid LEFT JOIN pg_database AS base ON base.oid = statement.dbid
     WHERE $1::text IS NULL OR base.datname = $1
     ORDER BY statement.${time} DESC, statement.queryid LIMIT $2`,
    [database, limit],
  );
}

function selectRounded(column: string): string {
  return `round(statement.${column}::numeric, 3)::float8`;
}

function missingExtension(connection: string): StepError {
  return new StepError(
    'not_found',
    `PostgreSQL "${connection}": the database of its URL has no pg_stat_statements; run there as a superuser: CREATE EXTENSION pg_stat_statements; (it also needs shared_preload_libraries = 'pg_stat_statements' and a restart)`,
    { happened: 'nothing' },
  );
}

/** The same failure with the way out, where there is one. */
function explain(error: unknown, connection: string): unknown {
  const fail = (text: string): StepError =>
    new StepError('rejected', `PostgreSQL "${connection}": ${text}`, { happened: 'nothing', cause: error });
  switch (sqlStateOf(error)) {
    case '55000': // object_not_in_prerequisite_state
      return fail(
        "pg_stat_statements is not loaded; add it to shared_preload_libraries (ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; keep what is there) and restart the server",
      );
    case '42703': // undefined_column: the names of version 1.8, which came with PostgreSQL 13
      return fail('its pg_stat_statements is older than 1.8; run there: ALTER EXTENSION pg_stat_statements UPDATE;');
    default:
      return error;
  }
}
