import { z } from 'zod';
import { APPLICATION_NAME, type PostgresSession } from './postgres-session.ts';
import { queryText, selectQueryText } from './query-text.ts';
import type { SessionKind } from './session-kind.ts';

/** Which sessions of a kind are meant: those it has been so for longer than this, of exactly these names where one is given. */
export interface SessionFilter {
  readonly for_ms: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly application_name: string | null;
}

/** How a session is ended: its statement, or all of it. */
export type SessionSignal = 'cancel' | 'terminate';

// Instants stay text: a JavaScript Date would lose the microseconds that tell a reused pid or a next statement apart.
const clientSession = z.object({
  pid: z.int(),
  backend_start: z.string(),
  since: z.string(),
  user: z.string(),
  database: z.string(),
  application_name: z.string(),
  client_address: z.string(),
  query: queryText,
});
export type ClientSession = z.infer<typeof clientSession>;

const serverProcess = clientSession.pick({ pid: true, backend_start: true });
/** A process of the server, told apart from a later one of the same id. */
export type ServerProcess = z.infer<typeof serverProcess>;

const foundRow = clientSession
  .extend({ role: z.string(), may_signal: z.boolean(), matching: z.coerce.number().int() })
  .transform(({ role, may_signal, matching, ...session }) => ({
    session,
    matching,
    refused: may_signal ? undefined : { user: session.user, role },
  }));

export interface FoundSessions {
  readonly sessions: readonly ClientSession[];
  /** How many match, with those beyond the limit. */
  readonly matching: number;
  /** One of `sessions` that our `role` may not signal: it would fail the statement after others were ended. */
  readonly refused: { readonly user: string; readonly role: string } | undefined;
}

/** The first `limit` matching sessions, those first that it has been so for longest; only ones of `among`, unless that is null. */
export async function findSessions(
  session: PostgresSession,
  kind: SessionKind,
  filter: SessionFilter,
  among: readonly ServerProcess[] | null,
  limit: number,
): Promise<FoundSessions> {
  await clearSnapshot(session);
  const rows = await session.read(
    foundRow,
    `SELECT session.pid, session.backend_start::text, ${kind.since}::text AS since, session.usename AS user,
       coalesce(session.datname, '') AS database, session.application_name, coalesce(host(session.client_addr), '') AS client_address,
       ${kind.showsQuery ? selectQueryText('session.query') : `''`} AS query,
       quote_ident(current_user) AS role, count(*) OVER () AS matching,
       pg_has_role(session.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE') AS may_signal
     ${selectMatching(kind)}
     ORDER BY ${kind.since}, session.pid LIMIT $7`,
    [...filterValues(filter, among), limit],
  );
  return {
    sessions: rows.map((row) => row.session),
    matching: rows[0]?.matching ?? 0,
    refused: rows.find((row) => row.refused !== undefined)?.refused,
  };
}

/** The processes of all matching sessions; only ones of `among`, unless that is null. */
export async function listProcesses(
  session: PostgresSession,
  kind: SessionKind,
  filter: SessionFilter,
  among: readonly ServerProcess[] | null,
): Promise<readonly ServerProcess[]> {
  await clearSnapshot(session);
  return session.read(
    serverProcess,
    `SELECT session.pid, session.backend_start::text ${selectMatching(kind)}`,
    filterValues(filter, among),
  );
}

/**
 * Signals those of `sessions` that are still what they were when they were found; returns the pids that got the signal.
 * `pg_stat_activity` is a snapshot per transaction, so each row takes a fresh one and looks at its own process just
 * before the signal. What is left of the race is some microseconds: PostgreSQL has no conditional signal.
 */
export async function signalSessions(
  session: PostgresSession,
  kind: SessionKind,
  signal: SessionSignal,
  filter: SessionFilter,
  sessions: readonly ClientSession[],
): Promise<ReadonlySet<number>> {
  const rows = await session.change(
    z.object({ pid: z.int(), signalled: z.boolean().nullable() }),
    `SELECT planned.pid, pg_${signal}_backend(live.pid) AS signalled
     FROM unnest($1::int[], $2::text[], $3::text[]) AS planned (pid, backend_start, since)
       CROSS JOIN (SELECT $4::float8 * interval '1 millisecond' AS threshold) AS wanted
       -- OFFSET 0 and the use of its pid below keep this before the look at the process, row by row.
       CROSS JOIN LATERAL (SELECT pg_stat_clear_snapshot(), planned.pid OFFSET 0) AS fresh (cleared, pid)
       LEFT JOIN LATERAL (
         SELECT session.pid FROM pg_stat_get_activity(fresh.pid) AS session
         WHERE session.backend_start::text = planned.backend_start AND session.backend_type = 'client backend'
           AND session.pid <> pg_backend_pid() AND session.application_name <> '${APPLICATION_NAME}'
           AND NOT EXISTS (SELECT FROM pg_roles AS role WHERE role.oid = session.usesysid AND role.rolsuper)
           AND ${kind.unchanged}
       ) AS live ON true`,
    [
      sessions.map(({ pid }) => pid),
      sessions.map(({ backend_start }) => backend_start),
      sessions.map(({ since }) => since),
      filter.for_ms,
    ],
  );
  return new Set(rows.filter(({ signalled }) => signalled === true).map(({ pid }) => pid));
}

function selectMatching(kind: SessionKind): string {
  return `
    FROM pg_stat_activity AS session JOIN pg_roles AS role ON role.oid = session.usesysid
      CROSS JOIN (SELECT $1::float8 * interval '1 millisecond' AS threshold) AS wanted ${kind.join}
    WHERE session.backend_type = 'client backend' AND session.pid <> pg_backend_pid()
      AND NOT role.rolsuper AND session.application_name <> '${APPLICATION_NAME}'
      AND ${kind.condition} AND ${kind.since} < clock_timestamp() - wanted.threshold
      AND ($2::text IS NULL OR session.usename = $2) AND ($3::text IS NULL OR session.datname = $3)
      AND ($4::text IS NULL OR session.application_name = $4)
      AND ($5::int[] IS NULL OR (session.pid, session.backend_start::text) IN (SELECT * FROM unnest($5, $6::text[])))`;
}

function filterValues(filter: SessionFilter, among: readonly ServerProcess[] | null): readonly unknown[] {
  const processes = [among?.map(({ pid }) => pid) ?? null, among?.map(({ backend_start }) => backend_start) ?? null];
  return [filter.for_ms, filter.user, filter.database, filter.application_name, ...processes];
}

async function clearSnapshot(session: PostgresSession): Promise<void> {
  await session.read(z.unknown(), 'SELECT pg_stat_clear_snapshot()');
}
