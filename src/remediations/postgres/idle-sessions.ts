import { z } from 'zod';
import { APPLICATION_NAME, type PostgresSession } from './postgres-session.ts';

/** Which sessions are meant: idle for longer than this, and of exactly these names where one is given. */
export interface IdleFilter {
  readonly idle_for_ms: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly application_name: string | null;
}

// Instants stay text: a JavaScript Date would lose the microseconds that tell a reused pid apart.
const idleSession = z.object({
  pid: z.int(),
  backend_start: z.string(),
  state_change: z.string(),
  user: z.string(),
  database: z.string(),
  application_name: z.string(),
  client_address: z.string(),
});
export type IdleSession = z.infer<typeof idleSession>;

const foundRow = idleSession.extend({ role: z.string(), may_signal: z.boolean(), matching: z.coerce.number().int() });

export interface FoundSessions {
  readonly sessions: readonly IdleSession[];
  /** How many match, with those beyond the limit. */
  readonly matching: number;
  /** One of `sessions` that our `role` may not end: it would fail the statement after others were ended. */
  readonly refused: { readonly user: string; readonly role: string } | undefined;
}

const MATCHING = `
  FROM pg_stat_activity AS session JOIN pg_roles AS role ON role.oid = session.usesysid
  WHERE session.backend_type = 'client backend' AND session.state = 'idle' AND session.pid <> pg_backend_pid()
    AND NOT role.rolsuper AND session.application_name <> '${APPLICATION_NAME}'
    AND session.state_change < clock_timestamp() - $1 * interval '1 millisecond'
    AND ($2::text IS NULL OR session.usename = $2) AND ($3::text IS NULL OR session.datname = $3)
    AND ($4::text IS NULL OR session.application_name = $4)`;

/** The first `limit` matching sessions, the longest idle first. */
export async function findIdleSessions(session: PostgresSession, filter: IdleFilter, limit: number): Promise<FoundSessions> {
  const rows = await session.read(
    foundRow,
    `SELECT session.pid, session.backend_start::text, session.state_change::text, session.usename AS user,
       coalesce(session.datname, '') AS database, session.application_name, coalesce(host(session.client_addr), '') AS client_address,
       quote_ident(current_user) AS role, count(*) OVER () AS matching,
       pg_has_role(session.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE') AS may_signal
     ${MATCHING}
     ORDER BY session.state_change, session.pid LIMIT $5`,
    [...filterValues(filter), limit],
  );
  return {
    sessions: rows.map((row) => idleSession.parse(row)),
    matching: rows[0]?.matching ?? 0,
    refused: rows.find((row) => !row.may_signal),
  };
}

/** How many sessions match now that are none of `except`. */
export async function countIdleSessions(
  session: PostgresSession,
  filter: IdleFilter,
  except: readonly IdleSession[],
): Promise<number> {
  await session.read(z.unknown(), 'SELECT pg_stat_clear_snapshot()');
  const [row] = await session.read(
    z.object({ matching: z.coerce.number().int() }),
    `SELECT count(*) AS matching ${MATCHING}
       AND (session.pid, session.backend_start::text) NOT IN (SELECT * FROM unnest($5::int[], $6::text[]))`,
    [...filterValues(filter), except.map(({ pid }) => pid), except.map(({ backend_start }) => backend_start)],
  );
  return row?.matching ?? 0;
}

/**
 * Ends those of `sessions` that are still what they were when they were found; returns the pids that were told to.
 * `pg_stat_activity` is a snapshot per transaction, so each row takes a fresh one and looks at its own process just
 * before the signal. What is left of the race is some microseconds: PostgreSQL has no conditional signal.
 */
export async function endIdleSessions(session: PostgresSession, sessions: readonly IdleSession[]): Promise<ReadonlySet<number>> {
  const rows = await session.change(
    z.object({ pid: z.int(), ended: z.boolean().nullable() }),
    `SELECT planned.pid, pg_terminate_backend(live.pid) AS ended
     FROM unnest($1::int[], $2::text[], $3::text[]) AS planned (pid, backend_start, state_change)
       -- OFFSET 0 and the use of its pid below keep this before the look at the process, row by row.
       CROSS JOIN LATERAL (SELECT pg_stat_clear_snapshot(), planned.pid OFFSET 0) AS fresh (cleared, pid)
       LEFT JOIN LATERAL (
         SELECT process.pid FROM pg_stat_get_activity(fresh.pid) AS process
         WHERE process.backend_start::text = planned.backend_start AND process.state_change::text = planned.state_change
           AND process.state = 'idle' AND process.backend_type = 'client backend' AND process.pid <> pg_backend_pid()
           AND NOT EXISTS (SELECT FROM pg_roles AS role WHERE role.oid = process.usesysid AND role.rolsuper)
       ) AS live ON true`,
    [
      sessions.map(({ pid }) => pid),
      sessions.map(({ backend_start }) => backend_start),
      sessions.map(({ state_change }) => state_change),
    ],
  );
  return new Set(rows.filter(({ ended }) => ended === true).map(({ pid }) => pid));
}

function filterValues(filter: IdleFilter): readonly unknown[] {
  return [filter.idle_for_ms, filter.user, filter.database, filter.application_name];
}
