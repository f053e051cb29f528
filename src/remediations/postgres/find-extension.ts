import { z } from 'zod';
import type { PostgresSession } from './postgres-session.ts';

/** The quoted schema that an extension's functions are in; `undefined` when the database does not have the extension. */
export async function findExtension(session: PostgresSession, name: string): Promise<string | undefined> {
  const [row] = await session.read(
    z.object({ schema: z.string() }),
    `SELECT quote_ident(namespace.nspname) AS schema
     FROM pg_extension AS extension JOIN pg_namespace AS namespace ON namespace.oid = extension.extnamespace
     WHERE extension.extname = $1`,
    [name],
  );
  return row?.schema;
}
