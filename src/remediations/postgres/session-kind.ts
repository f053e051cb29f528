import { APPLICATION_NAME } from './postgres-session.ts';

/** What makes a session one that may be ended, in SQL over the row `session` of `pg_stat_activity` and the interval `wanted.threshold`. */
export interface SessionKind {
  /** For people: `idle sessions`, … */
  readonly plural: string;
  /** The parameter that says how long it has to be so, and the same in words. */
  readonly threshold: 'idle_for' | 'running_for' | 'waiting_for';
  readonly thresholdInWords: string;
  /** Whether people are shown the session's statement. */
  readonly showsQuery: boolean;
  /** Whether one look cannot tell: it has to be so for a while, not only the time counted from `since`. */
  readonly mustLast: boolean;
  /** A table to join, where `pg_stat_activity` does not know. */
  readonly join: string;
  /** Whether it is so at all, and since which instant. */
  readonly condition: string;
  readonly since: string;
  /** Whether the process `session`, looked at anew, is still what `planned.since` says. */
  readonly unchanged: string;
}

/** Sessions outside a transaction that wait for their client. */
export const IDLE = createActivityKind({
  plural: 'idle sessions',
  threshold: 'idle_for',
  thresholdInWords: 'idle for',
  showsQuery: false,
  condition: `session.state = 'idle'`,
  since: 'session.state_change',
});

/** Sessions inside a transaction, failed or not, that wait for their client. */
export const IDLE_IN_TRANSACTION = createActivityKind({
  plural: 'sessions idle in transaction',
  threshold: 'idle_for',
  thresholdInWords: 'idle for',
  showsQuery: true,
  condition: `session.state IN ('idle in transaction', 'idle in transaction (aborted)')`,
  since: 'session.state_change',
});

/** Sessions that run a statement. */
export const RUNNING_QUERY = createActivityKind({
  plural: 'queries',
  threshold: 'running_for',
  thresholdInWords: 'running for',
  showsQuery: true,
  condition: `session.state = 'active'`,
  since: 'session.query_start',
});

// A wait of ours is no reason to end a session of an application.
const VICTIM = `NOT victim.granted
  AND victim.pid NOT IN (SELECT own.pid FROM pg_stat_activity AS own WHERE own.application_name = '${APPLICATION_NAME}')`;

/**
 * Sessions that others wait for and that wait for nobody: the ends of lock chains. Only the waits for the session itself count,
 * because those further down the chain may be older than its own part in it. PostgreSQL does not tell since when a lock is
 * held, so a session that has just got it, at the end of a long queue, looks for a moment like one that has kept others waiting.
 */
export const ROOT_BLOCKER: SessionKind = {
  plural: 'root blockers',
  threshold: 'waiting_for',
  thresholdInWords: 'others wait for',
  showsQuery: true,
  mustLast: true,
  join: `JOIN (
    SELECT blocker.pid, min(victim.waitstart) AS since
    FROM pg_locks AS victim CROSS JOIN LATERAL unnest(pg_blocking_pids(victim.pid)) AS blocker (pid)
    WHERE ${VICTIM} GROUP BY blocker.pid
  ) AS blocked ON blocked.pid = session.pid`,
  condition: 'session.pid NOT IN (SELECT waiter.pid FROM pg_locks AS waiter WHERE NOT waiter.granted)',
  since: 'blocked.since',
  unchanged: `pg_blocking_pids(session.pid) = '{}' AND EXISTS (
    SELECT FROM pg_locks AS victim
    WHERE ${VICTIM} AND victim.waitstart < clock_timestamp() - wanted.threshold
      AND session.pid = ANY (pg_blocking_pids(victim.pid)))`,
};

function createActivityKind(kind: Omit<SessionKind, 'mustLast' | 'join' | 'unchanged'>): SessionKind {
  return { ...kind, mustLast: false, join: '', unchanged: `${kind.condition} AND ${kind.since}::text = planned.since` };
}
