import { z } from 'zod';
import { formatDuration } from '../../domain/duration.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { selectElapsedMs } from './elapsed-ms.ts';
import { instant } from './instant.ts';
import { withPostgresSession } from './postgres-session.ts';
import { queryText, QUERY_TEXT_NOTE, selectQueryText } from './query-text.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;

const activeQuery = z.object({
  pid: z.int(),
  user: z.string(),
  database: z.string(),
  application_name: z.string(),
  client_address: z.string(),
  started_at: instant,
  running_for: z.number(),
  wait_event_type: z.string(),
  wait_event: z.string(),
  query: queryText,
});
const foundRow = activeQuery
  .extend({ matching: z.coerce.number().int() })
  .transform(({ matching, ...query }) => ({ query, matching }));

/** What clients have the server do at this moment, the longest running first. */
export const activeQueries = defineRemediation({
  name: 'postgres.active_queries',
  summary: 'Lists the statements that clients run at this moment, the longest running first.',
  notes: [
    'Needs a role that sees the sessions of others: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO remedyd;',
    'GRANT pg_read_all_stats TO remedyd;` Without that grant the step fails with `permission_denied` instead of finding none.',
    '',
    'Superusers and other sessions of remedyd are listed too; background workers, replication and the session that asks are not.',
    '`wait_event_type` `Lock` means that the statement waits for another session: `postgres.lock_chains` says for which.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    running_for: { type: 'duration', default: '0s', description: 'Only statements that run for at least this long' },
    limit: { type: 'int', default: 20, min: 1, max: LONGEST_LIST, description: 'How many to list' },
    user: { type: 'string', description: 'Only those of this user, by exact name' },
    database: { type: 'string', description: 'Only those in this database, by exact name' },
  },
  outputs: {
    count: { type: 'int', description: 'How many statements match, with those beyond `limit`' },
    longest: { type: 'duration', description: 'How long the longest running of them has run; 0 when there is none' },
    queries: {
      type: 'list',
      description:
        'Per statement: pid, user, database, application_name, client_address, started_at, running_for (ms), wait_event_type and wait_event (empty when it does not wait), query',
    },
  },
  example: {
    count: 1,
    longest: 412_000,
    queries: [
      {
        pid: 4711,
        user: 'web',
        database: 'app',
        application_name: 'puma',
        client_address: '10.0.0.7',
        started_at: '2026-01-31T12:00:00.123Z',
        running_for: 412_000,
        wait_event_type: 'IO',
        wait_event: 'DataFileRead',
        query: 'SELECT * FROM orders WHERE note LIKE $1',
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ running_for, limit, user = null, database = null }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `list the statements that PostgreSQL "${name}" has run for >= ${formatDuration(running_for)}`,
      identity: { connection: name, running_for_ms: running_for, limit, user, database },
      touches: [],
      data: { running_for_ms: running_for, limit, user, database },
    });
  },

  run({ data }, context) {
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, context.connection.name);
      const rows = await session.read(
        foundRow,
        `SELECT pid, coalesce(usename, '') AS user, coalesce(datname, '') AS database, application_name,
           coalesce(host(client_addr), '') AS client_address, query_start AS started_at,
           ${selectElapsedMs('query_start')} AS running_for, coalesce(wait_event_type, '') AS wait_event_type,
           coalesce(wait_event, '') AS wait_event, ${selectQueryText('query')} AS query, count(*) OVER () AS matching
         FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
           AND query_start <= clock_timestamp() - $1::float8 * interval '1 millisecond'
           AND ($2::text IS NULL OR usename = $2) AND ($3::text IS NULL OR datname = $3)
         ORDER BY query_start, pid LIMIT $4`,
        [data.running_for_ms, data.user, data.database, data.limit],
      );
      const [first] = rows;
      return {
        count: first?.matching ?? 0,
        longest: first?.query.running_for ?? 0,
        queries: rows.map(({ query }) => query),
      };
    });
  },
});
