import { formatDuration } from '../../domain/duration.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ParameterSpecs } from '../../domain/parameter.ts';
import { StepError, type Plan } from '../../domain/remediation.ts';
import {
  findSessions,
  listProcesses,
  signalSessions,
  type ClientSession,
  type ServerProcess,
  type SessionFilter,
  type SessionSignal,
} from './client-sessions.ts';
import { withPostgresSession, type PostgresSession, type SessionContext } from './postgres-session.ts';
import type { SessionKind } from './session-kind.ts';
import { requireReadAllStats } from './session-rights.ts';

/** The most sessions that an output lists. */
export const LONGEST_SESSION_LIST = 100;

const LOOKS_APART_MS = 2_000;

/** The parameters that narrow down whose sessions are meant. */
export const SESSION_NAME_PARAMS = {
  user: { type: 'string', description: 'Only sessions of this user, by exact name' },
  database: { type: 'string', description: 'Only sessions in this database, by exact name' },
  application_name: { type: 'string', description: 'Only sessions of this application, by exact name' },
} as const satisfies ParameterSpecs;

/** The grants that every remediation needs that ends sessions, for its notes. */
export const SESSION_GRANTS_NOTE = [
  'Needs a role that sees the sessions of others and may signal them, and nothing else: `CREATE ROLE remedyd LOGIN PASSWORD …;',
  'GRANT CONNECT ON DATABASE app TO remedyd; GRANT pg_read_all_stats, pg_signal_backend TO remedyd;`',
  'A missing grant is `permission_denied` and names it.',
] as const;

/** The sessions that a remediation ends, and how. */
export interface SessionEnding {
  readonly kind: SessionKind;
  readonly signal: SessionSignal;
}

export interface SessionChoice {
  readonly forMs: number;
  readonly limit: number;
  readonly user?: string;
  readonly database?: string;
  readonly application_name?: string;
}

interface EndingData extends JsonObject {
  readonly filter: SessionFilter & JsonObject;
  readonly sessions: readonly ClientSession[];
}

export interface EndedSessions {
  readonly ended: readonly ClientSession[];
  /** How many of the plan were something else by now. */
  readonly skipped: number;
  /** How many match and were left. */
  readonly remaining: number;
}

/** Plans to end the first `limit` sessions of the choice; fails before anything happens when a grant is missing. */
export function planToEnd(
  { kind, signal }: SessionEnding,
  choice: SessionChoice,
  context: SessionContext,
): Promise<Plan<EndingData>> {
  const { name } = context.connection;
  const names = {
    user: choice.user ?? null,
    database: choice.database ?? null,
    application_name: choice.application_name ?? null,
  };
  const filter = { for_ms: choice.forMs, ...names };
  return withPostgresSession(context, async (session) => {
    await requireReadAllStats(session, name);
    const among = kind.mustLast ? await listAndWait(session, kind, filter, [], context) : null;
    const { sessions, matching, refused } = await findSessions(session, kind, filter, among, choice.limit);
    if (refused !== undefined) throw signalRefused(name, refused.user, refused.role);
    return {
      summary: `${signal} ${sessions.length} of ${matching} ${kind.plural} of PostgreSQL "${name}" (${kind.thresholdInWords} > ${formatDuration(choice.forMs)}), oldest first`,
      identity: { connection: name, limit: choice.limit, [`${kind.threshold}_ms`]: choice.forMs, ...names },
      touches: [`postgres:${name}`],
      count: sessions.length,
      data: { filter, sessions },
    };
  });
}

/** Ends those of the plan that are still what they were. */
export function endPlanned(
  { kind, signal }: SessionEnding,
  plan: Plan<EndingData>,
  context: SessionContext,
): Promise<EndedSessions> {
  const { filter, sessions } = plan.data;
  return withPostgresSession(context, async (session) => {
    const signalled = await signalSessions(session, kind, signal, filter, sessions);
    const ended = sessions.filter(({ pid }) => signalled.has(pid));
    const among = kind.mustLast ? await listAndWait(session, kind, filter, ended, context) : null;
    const left = await listProcesses(session, kind, filter, among);
    return { ended, skipped: sessions.length - ended.length, remaining: without(left, ended).length };
  });
}

/** The matching processes but those of `except`, and then time for those to stop matching that do so for a moment only. */
async function listAndWait(
  session: PostgresSession,
  kind: SessionKind,
  filter: SessionFilter,
  except: readonly ServerProcess[],
  { clock, signal }: SessionContext,
): Promise<readonly ServerProcess[]> {
  const processes = without(await listProcesses(session, kind, filter, null), except);
  if (processes.length > 0) await clock.sleep(Math.min(filter.for_ms, LOOKS_APART_MS), signal);
  return processes;
}

function without(processes: readonly ServerProcess[], except: readonly ServerProcess[]): readonly ServerProcess[] {
  return processes.filter(
    ({ pid, backend_start }) => !except.some((one) => one.pid === pid && one.backend_start === backend_start),
  );
}

/** The first of the ended sessions, as outputs show them; `since` names the instant. */
export function describeSessions(
  { kind }: SessionEnding,
  ended: readonly ClientSession[],
  sinceName: 'idle_since' | 'running_since' | 'blocking_since',
): readonly JsonObject[] {
  return ended.slice(0, LONGEST_SESSION_LIST).map(({ pid, user, database, application_name, client_address, since, query }) => ({
    pid,
    user,
    database,
    application_name,
    client_address,
    [sinceName]: toInstant(since),
    ...(kind.showsQuery && { query }),
  }));
}

/** The server's text, of which the session pins style and zone, as ISO 8601: `2026-01-31T12:00:00.123456Z`. */
function toInstant(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z');
}

function signalRefused(connection: string, user: string, role: string): StepError {
  return new StepError(
    'permission_denied',
    `PostgreSQL "${connection}": the role may not end sessions of ${user}; run: GRANT pg_signal_backend TO ${role};`,
    { happened: 'nothing' },
  );
}
