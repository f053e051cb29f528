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
import { IDLE } from './session-kind.ts';

const ENDING: SessionEnding = { kind: IDLE, signal: 'terminate' };

/** Ends sessions that have been idle for long, the longest first. */
export const terminateIdleConnections = defineRemediation({
  name: 'postgres.terminate_idle_connections',
  summary: 'Terminates sessions that have been idle for long, the longest idle first, at most `limit`.',
  notes: [
    ...SESSION_GRANTS_NOTE,
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
    ...SESSION_NAME_PARAMS,
  },
  outputs: {
    terminated: { type: 'int', description: 'Sessions that were told to end; idle ones do so at once' },
    skipped: { type: 'int', description: 'Planned sessions that had woken up or were gone' },
    remaining: { type: 'int', description: 'Sessions that match and were left, because of `limit` or since the plan' },
    sessions: {
      type: 'list',
      description: `The terminated ones: pid, user, database, application_name, client_address, idle_since; at most ${LONGEST_SESSION_LIST}`,
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
