import { formatDuration } from '../../domain/duration.ts';
import type { JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { countIdleSessions, endIdleSessions, findIdleSessions, type IdleFilter, type IdleSession } from './idle-sessions.ts';
import { withPostgresSession } from './postgres-session.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;

/** Ends sessions that have been idle for long, the longest first. */
export const terminateIdleConnections = defineRemediation({
  name: 'postgres.terminate_idle_connections',
  summary: 'Terminates sessions that have been idle for long, the longest idle first, at most `limit`.',
  notes: [
    'Needs a role that sees the sessions of others and may signal them, and nothing else: `CREATE ROLE remedyd LOGIN PASSWORD …;',
    'GRANT CONNECT ON DATABASE app TO remedyd; GRANT pg_read_all_stats, pg_signal_backend TO remedyd;`',
    'A missing grant is `permission_denied` and names it.',
    '',
    "Never ended: superusers' sessions, replication, background workers, sessions that run a statement or are in a transaction,",
    "and remedyd's own (`application_name` is `remedyd`). Each session is looked at again just before its signal (start of the",
    'process, state, time of the last change), so that one that woke up, ended, or whose process id was used again is skipped.',
    'PostgreSQL has no conditional signal: a client that sends a statement in the same few microseconds can still lose its session;',
    'it gets error 57P01 and its statement is rolled back. An idle session may hold advisory locks, `LISTEN`s, prepared statements',
    'and temporary tables: they go with it. Behind a pooler, its server connections are what is found, and it opens new ones.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    idle_for: {
      type: 'duration',
      default: '10m',
      min: 1_000,
      description: 'Only sessions idle for longer than this, at least 1s',
    },
    limit: {
      type: 'int',
      default: 50,
      min: 1,
      max: 10_000,
      description: 'The most sessions to terminate; the rest is `remaining`',
    },
    user: { type: 'string', description: 'Only sessions of this user, by exact name' },
    database: { type: 'string', description: 'Only sessions in this database, by exact name' },
    application_name: { type: 'string', description: 'Only sessions of this application, by exact name' },
  },
  outputs: {
    terminated: { type: 'int', description: 'Sessions that were told to end; idle ones do so at once' },
    skipped: { type: 'int', description: 'Planned sessions that had woken up or were gone' },
    remaining: { type: 'int', description: 'Sessions that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `The terminated ones: pid, user, database, application_name, client_address, idle_since; at most ${LONGEST_LIST}`,
    },
  },
  example: {
    terminated: 1,
    skipped: 0,
    remaining: 0,
    sessions: [
      {
        pid: 4711,
        user: 'web',
        database: 'app',
        application_name: 'puma',
        client_address: '10.0.0.7',
        idle_since: '2026-01-31 12:00:00.123456+00',
      },
    ],
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan(params, context) {
    const { name } = context.connection;
    const filter: IdleFilter = {
      idle_for_ms: params.idle_for,
      user: params.user ?? null,
      database: params.database ?? null,
      application_name: params.application_name ?? null,
    };
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, name);
      const { sessions, matching, refused } = await findIdleSessions(session, filter, params.limit);
      if (refused !== undefined) throw signalRefused(name, refused.user, refused.role);
      return {
        summary: `terminate ${sessions.length} of ${matching} idle sessions of PostgreSQL "${name}" (idle for > ${formatDuration(params.idle_for)}), oldest first`,
        identity: { connection: name, limit: params.limit, ...filter },
        touches: [`postgres:${name}`],
        count: sessions.length,
        data: { filter: { ...filter }, sessions },
      };
    });
  },

  run(plan, context) {
    const { filter, sessions } = plan.data;
    return withPostgresSession(context, async (session) => {
      const ended = await endIdleSessions(session, sessions);
      const terminated = sessions.filter(({ pid }) => ended.has(pid));
      return {
        terminated: terminated.length,
        skipped: sessions.length - terminated.length,
        remaining: await countIdleSessions(session, filter, terminated),
        sessions: terminated.slice(0, LONGEST_LIST).map(describeSession),
      };
    });
  },
});

function describeSession({ pid, user, database, application_name, client_address, state_change }: IdleSession): JsonObject {
  return { pid, user, database, application_name, client_address, idle_since: state_change };
}

function signalRefused(connection: string, user: string, role: string): StepError {
  return new StepError(
    'permission_denied',
    `PostgreSQL "${connection}": the role may not end sessions of ${user}; run: GRANT pg_signal_backend TO ${role};`,
    { happened: 'nothing' },
  );
}
