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
import { ROOT_BLOCKER } from './session-kind.ts';

const ENDING: SessionEnding = { kind: ROOT_BLOCKER, signal: 'terminate' };

/** Ends the sessions at the ends of lock chains, those first that others have waited for longest. */
export const terminateBlockers = defineRemediation({
  name: 'postgres.terminate_blockers',
  summary:
    'Terminates the sessions at the root of lock chains: others have waited for them for long, and they wait for no lock; at most `limit`.',
  notes: [
    ...SESSION_GRANTS_NOTE,
    'Needs PostgreSQL 14 or newer, which tells since when a lock is waited for.',
    '',
    'A root blocker holds a lock that others wait for and waits for none itself. It counts once a session that waits for it directly',
    "has done so for longer than `waiting_for` (remedyd's own waits do not count), and only if it still counts 2s later (or after",
    '`waiting_for`, if that is less): one that has just got its lock, at the front of a long queue, is not to blame. Ending it rolls',
    'its transaction back: what it did since `BEGIN` is lost, and its client gets error 57P01. `postgres.lock_chains` shows the',
    'chains without ending anything.',
    '',
    "Never ended: superusers' sessions, replication, background workers (so no autovacuum either, also not one that prevents",
    "wraparound), and remedyd's own (`application_name` is `remedyd`). A prepared transaction has no session that could be ended:",
    '`ROLLBACK PREPARED` is for a person. Each session is looked at again just before its signal: the same process, still waiting',
    'for no lock, and still somebody waits for it for that long. PostgreSQL has no conditional signal: one that lets go of its lock',
    'in the same few microseconds is ended all the same.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    waiting_for: {
      type: 'duration',
      default: '1m',
      min: 1_000,
      description: 'Only sessions that another one has waited for longer than this, at least 1s',
    },
    limit: {
      type: 'int',
      default: 5,
      min: 1,
      max: LONGEST_SESSION_LIST,
      description: 'The most sessions to terminate; the rest is `remaining`',
    },
    ...SESSION_NAME_PARAMS,
  },
  outputs: {
    terminated: { type: 'int', description: 'Sessions that were told to end; they do so at their next chance, mostly at once' },
    skipped: { type: 'int', description: 'Planned sessions that blocked nobody any more, waited themselves, or were gone' },
    remaining: { type: 'int', description: 'Sessions that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `The terminated ones: pid, user, database, application_name, client_address, blocking_since (when the first of those that wait for it began to), query (the current or last one); at most ${LONGEST_SESSION_LIST}`,
    },
  },
  example: {
    terminated: 1,
    skipped: 0,
    remaining: 0,
    sessions: [
      {
        pid: 4711,
        user: 'migration',
        database: 'app',
        application_name: 'psql',
        client_address: '10.0.0.7',
        blocking_since: '2026-01-31T12:00:00.123456Z',
        query: 'LOCK TABLE orders',
      },
    ],
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan: ({ waiting_for, ...choice }, context) => planToEnd(ENDING, { forMs: waiting_for, ...choice }, context),

  async run(plan, context) {
    const { ended, skipped, remaining } = await endPlanned(ENDING, plan, context);
    return { terminated: ended.length, skipped, remaining, sessions: describeSessions(ENDING, ended, 'blocking_since') };
  },
});
