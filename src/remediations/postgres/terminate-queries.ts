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

const ENDING: SessionEnding = { kind: RUNNING_QUERY, signal: 'terminate' };

/** Ends the sessions of statements that run for long, the longest first. */
export const terminateQueries = defineRemediation({
  name: 'postgres.terminate_queries',
  summary: 'Terminates the sessions of queries that run for long, the longest first, at most `limit`.',
  notes: [
    ...SESSION_GRANTS_NOTE,
    '',
    'The client gets error 57P01 and loses its session, with its open transaction, advisory locks, temporary tables and `LISTEN`s.',
    'Try `postgres.cancel_queries` first: it leaves the session.',
    '',
    "Never ended: superusers' sessions, replication, background workers such as autovacuum, and remedyd's own (`application_name` is",
    '`remedyd`). Each session is looked at again just before its signal (start of the process and of the statement), so that',
    'one that has gone on to another statement is skipped. PostgreSQL has no conditional signal: a session that goes on in the same',
    'few microseconds is ended all the same. The time counts from when the server got the statement. Dumps, `CREATE INDEX` and a',
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
      description: 'The most queries to terminate; the rest is `remaining`',
    },
    ...SESSION_NAME_PARAMS,
  },
  outputs: {
    terminated: { type: 'int', description: 'Sessions that were told to end; they do so at their next chance, mostly at once' },
    skipped: { type: 'int', description: 'Planned queries that had ended' },
    remaining: { type: 'int', description: 'Queries that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `The terminated ones: pid, user, database, application_name, client_address, running_since, query; at most ${LONGEST_SESSION_LIST}`,
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
    return { terminated: ended.length, skipped, remaining, sessions: describeSessions(ENDING, ended, 'running_since') };
  },
});
