import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import type { PostgresSession } from './postgres-session.ts';

/** Fails with `not_found` when there is no such schema: a mistyped one would look like an empty one. */
export async function requireSchema(session: PostgresSession, schema: string | null, connection: string): Promise<void> {
  if (schema === null) return;
  const found = await session.read(z.unknown(), 'SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length > 0) return;
  throw new StepError(
    'not_found',
    `PostgreSQL "${connection}": there is no schema "${schema}" in this database (names are exact, without quotes)`,
    { happened: 'nothing' },
  );
}
