import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { withPostgresSession, type SessionContext } from './postgres-session.ts';

const facts = z.object({ database: z.string(), major: z.int(), role: z.string(), may_create_databases: z.boolean() });
export type ServerFacts = z.infer<typeof facts>;

/** The database that the connection leads to, the server's major version, and the role with its right to create databases. */
export function readServerFacts(context: SessionContext): Promise<ServerFacts> {
  return withPostgresSession(context, async (session) => {
    const [row] = await session.read(
      facts,
      `SELECT current_database() AS database, current_setting('server_version_num')::int / 10000 AS major,
         quote_ident(rolname) AS role, rolcreatedb OR rolsuper AS may_create_databases
       FROM pg_roles WHERE rolname = current_user`,
    );
    if (row !== undefined) return row;
    throw new StepError('invalid_response', `PostgreSQL "${context.connection.name}": no row in answer to who we are`, {
      happened: 'nothing',
    });
  });
}
