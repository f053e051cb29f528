import { defineRemediation } from '../../domain/remediation.ts';
import {
  describeSessions,
  endPlanned,
  LONGEST_SESSION_LIST,
  planToEnd,
  SESSION_GRANTS_NOTE,
  SESSION_NAME_PARAMS,
  type SessionEnding,
} from './end-sessions.ts';
import { QUERY_TEXT_NOTE } from './query-text.ts';
import { RUNNING_QUERY } from './session-kind.ts';

const ENDING: SessionEnding = { kind: RUNNING_QUERY, signal: 'cancel' };

/** Cancels statements that run for long, the longest first; their sessions stay. */
export const cancelQueries = defineRemediation({
  name: 'postgres.cancel_queries',
  summary: 'Cancels queries that run for long, the longest first, at most `limit`; their sessions stay connected.',
  notes: [
    ...SESSION_GRANTS_NOTE,
    '',
    'The client gets error 57014 and keeps its session. Inside a transaction that transaction has failed, and keeps its locks until',
    'the client rolls it back; `postgres.terminate_queries` does not wait for that.',
    '',
    "Never cancelled: superusers' queries, replication, background workers such as autovacuum, and remedyd's own (`application_name`",
    'is `remedyd`). Each session is looked at again just before its signal (start of the process and of the statement), so that',
    'another statement of the same session is skipped. PostgreSQL has no conditional signal: a statement that begins in the same few',
    'microseconds can be hit instead. The time counts from when the server got the statement. Dumps, `CREATE INDEX` and a',
    '`VACUUM` that a client runs are queries too: name the `user` or the `application_name` that is meant.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    running_for: {
      type: 'duration',
      default: '5m',
      min: 1_000,
      description: 'Only queries that run for longer than this, at least 1s',
    },
    limit: {
      type: 'int',
      default: 10,
      min: 1,
      max: LONGEST_SESSION_LIST,
      description: 'The most queries to cancel; the rest is `remaining`',
    },
    ...SESSION_NAME_PARAMS,
  },
  outputs: {
    cancelled: { type: 'int', description: 'Queries that were told to stop; they do so at their next chance, mostly at once' },
    skipped: { type: 'int', description: 'Planned queries that had ended' },
    remaining: { type: 'int', description: 'Queries that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `Whose query was cancelled: pid, user, database, application_name, client_address, running_since, query; at most ${LONGEST_SESSION_LIST}`,
    },
  },
  example: {
    cancelled: 1,
    skipped: 0,
    remaining: 0,
    sessions: [
      {
        pid: 4711,
        user: 'web',
        database: 'app',
        application_name: 'puma',
        client_address: '10.0.0.7',
        running_since: '2026-01-31T12:00:00.123456Z',
        query: 'SELECT * FROM orders WHERE note LIKE $1',
      },
    ],
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan: ({ running_for, ...choice }, context) => planToEnd(ENDING, { forMs: running_for, ...choice }, context),

  async run(plan, context) {
    const { ended, skipped, remaining } = await endPlanned(ENDING, plan, context);
    return { cancelled: ended.length, skipped, remaining, sessions: describeSessions(ENDING, ended, 'running_since') };
  },
});
