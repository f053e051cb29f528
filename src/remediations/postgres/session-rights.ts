import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import type { PostgresSession } from './postgres-session.ts';

const rights = z.object({ role: z.string(), reads_all: z.boolean() });

/**
 * Fails when the role sees only its own sessions: to such a role, everything that others hold looks like no session at all,
 * which an alert about idle sessions would take for health.
 */
export async function requireReadAllStats(session: PostgresSession, connection: string): Promise<void> {
  const [row] = await session.read(
    rights,
    `SELECT quote_ident(rolname) AS role, rolsuper OR pg_has_role(oid, 'pg_read_all_stats', 'USAGE') AS reads_all
       FROM pg_roles WHERE rolname = current_user`,
  );
  if (row?.reads_all) return;
  throw new StepError(
    'permission_denied',
    `PostgreSQL "${connection}": the role cannot see what other sessions do; run: GRANT pg_read_all_stats TO ${row?.role ?? 'it'};`,
    { happened: 'nothing' },
  );
}
