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
import { IDLE_IN_TRANSACTION } from './session-kind.ts';

const ENDING: SessionEnding = { kind: IDLE_IN_TRANSACTION, signal: 'terminate' };

/** Ends sessions whose client has left a transaction open for long, the longest first. */
export const terminateIdleInTransaction = defineRemediation({
  name: 'postgres.terminate_idle_in_transaction',
  summary: 'Terminates sessions that have been idle inside a transaction for long, the longest idle first, at most `limit`.',
  notes: [
    ...SESSION_GRANTS_NOTE,
    '',
    'Idle in a transaction means that the client has begun one and now says nothing, also after an error in it. Such a session holds',
    'its locks and keeps vacuum from removing dead rows. Ending it rolls the transaction back: what it did since `BEGIN` is lost,',
    'its client gets error 57P01 at its next statement. The time counts from the end of the last statement, not from `BEGIN`.',
    '',
    "Never ended: superusers' sessions, replication, background workers, sessions that run a statement, prepared transactions, and",
    "remedyd's own (`application_name` is `remedyd`). Each session is looked at again just before its signal (start of the process,",
    'state, time of the last change), so that one that went on, ended, or whose process id was used again is skipped. PostgreSQL',
    'has no conditional signal: a client that goes on in the same few microseconds still loses its transaction.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    idle_for: {
      type: 'duration',
      default: '5m',
      min: 1_000,
      description: 'Only sessions idle for longer than this, at least 1s',
    },
    limit: { type: 'int', default: 50, min: 1, max: 500, description: 'The most sessions to terminate; the rest is `remaining`' },
    ...SESSION_NAME_PARAMS,
  },
  outputs: {
    terminated: { type: 'int', description: 'Sessions that were told to end; idle ones do so at once' },
    skipped: { type: 'int', description: 'Planned sessions that had gone on or were gone' },
    remaining: { type: 'int', description: 'Sessions that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `The terminated ones: pid, user, database, application_name, client_address, idle_since, query (the last one); at most ${LONGEST_SESSION_LIST}`,
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
        idle_since: '2026-01-31T12:00:00.123456Z',
        query: 'UPDATE accounts SET balance = balance - $1 WHERE id = $2',
      },
    ],
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan: ({ idle_for, ...choice }, context) => planToEnd(ENDING, { forMs: idle_for, ...choice }, context),

  async run(plan, context) {
    const { ended, skipped, remaining } = await endPlanned(ENDING, plan, context);
    return { terminated: ended.length, skipped, remaining, sessions: describeSessions(ENDING, ended, 'idle_since') };
  },
});
