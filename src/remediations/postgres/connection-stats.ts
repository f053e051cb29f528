import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;

const count = z.coerce.number().int();
const counts = { total: count, active: count, idle: count, idle_in_transaction: count };
const overall = z.object({
  ...counts,
  idle_in_transaction_aborted: count,
  other: count,
  max_connections: count,
  reserved: count,
  used_ratio: z.coerce.number(),
});
const byDatabase = z.object({ database: z.string(), ...counts });
const byUser = z.object({ user: z.string(), ...counts });

const COUNTS = `
  count(*) AS total,
  count(*) FILTER (WHERE state = 'active') AS active,
  count(*) FILTER (WHERE state = 'idle') AS idle,
  count(*) FILTER (WHERE state = 'idle in transaction') AS idle_in_transaction`;
const SESSIONS = `FROM pg_stat_activity WHERE backend_type = 'client backend'`;

/** How many sessions clients hold, by state, and how near that is to `max_connections`. */
export const connectionStats = defineRemediation({
  name: 'postgres.connection_stats',
  summary: 'Counts the sessions of clients by state, database and user, and compares them with `max_connections`.',
  notes: [
    'Needs a role that sees the sessions of others: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO remedyd;',
    'GRANT pg_read_all_stats TO remedyd;` Without that grant the step fails with `permission_denied` instead of counting nothing.',
    '',
    'Background workers, replication and the server itself are not counted; the session that counts is (one `active`).',
    '`reserved` connections are for superusers, so clients are refused at a `used_ratio` a little below 1. Keep some of them, or',
    'a `CONNECTION LIMIT` on the applications, so that this step still gets a connection when they have taken theirs.',
  ].join('\n'),
  connection: 'postgres',
  params: {},
  outputs: {
    total: { type: 'int', description: 'Sessions of clients' },
    active: { type: 'int', description: 'Sessions that run a statement, this one included' },
    idle: { type: 'int', description: 'Sessions that wait for their client, outside a transaction' },
    idle_in_transaction: { type: 'int', description: 'Sessions that wait for their client inside a transaction' },
    idle_in_transaction_aborted: { type: 'int', description: 'As before, after an error in the transaction' },
    other: { type: 'int', description: 'Sessions in any other state: fast-path call, starting, not tracked' },
    max_connections: { type: 'int', description: 'The setting `max_connections`' },
    reserved: { type: 'int', description: 'The setting `superuser_reserved_connections`' },
    used_ratio: { type: 'number', description: '`total` divided by `max_connections`' },
    by_database: {
      type: 'list',
      description: `Per database: database, total, active, idle, idle_in_transaction; most sessions first, at most ${LONGEST_LIST}`,
    },
    by_user: {
      type: 'list',
      description: `Per user: user, total, active, idle, idle_in_transaction; most sessions first, at most ${LONGEST_LIST}`,
    },
  },
  example: {
    total: 95,
    active: 12,
    idle: 80,
    idle_in_transaction: 3,
    idle_in_transaction_aborted: 0,
    other: 0,
    max_connections: 100,
    reserved: 3,
    used_ratio: 0.95,
    by_database: [{ database: 'app', total: 95, active: 12, idle: 80, idle_in_transaction: 3 }],
    by_user: [{ user: 'web', total: 95, active: 12, idle: 80, idle_in_transaction: 3 }],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `count the sessions of PostgreSQL "${name}"`,
      identity: { connection: name },
      touches: [],
      data: null,
    });
  },

  run(_plan, context) {
    const { name } = context.connection;
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, name);
      return {
        ...(await readOverall(session, name)),
        by_database: await session.read(
          byDatabase,
          `SELECT coalesce(datname, '') AS database, ${COUNTS} ${SESSIONS} ${groupedBy('datname')}`,
        ),
        by_user: await session.read(
          byUser,
          `SELECT coalesce(usename, '') AS "user", ${COUNTS} ${SESSIONS} ${groupedBy('usename')}`,
        ),
      };
    });
  },
});

async function readOverall(session: PostgresSession, connection: string): Promise<z.infer<typeof overall>> {
  const [row] = await session.read(
    overall,
    `SELECT ${COUNTS},
       count(*) FILTER (WHERE state = 'idle in transaction (aborted)') AS idle_in_transaction_aborted,
       count(*) FILTER (WHERE state IS NULL OR state NOT IN
         ('active', 'idle', 'idle in transaction', 'idle in transaction (aborted)')) AS other,
       current_setting('max_connections') AS max_connections,
       current_setting('superuser_reserved_connections') AS reserved,
       count(*) / current_setting('max_connections')::float8 AS used_ratio
     ${SESSIONS}`,
  );
  if (row !== undefined) return row;
  throw new StepError('invalid_response', `PostgreSQL "${connection}": no row in answer to a count`, { happened: 'nothing' });
}

function groupedBy(column: 'datname' | 'usename'): string {
  return `GROUP BY ${column} ORDER BY count(*) DESC, ${column} LIMIT ${LONGEST_LIST}`;
}
