import { z } from 'zod';
import { withPostgresSession, type SessionContext } from './postgres-session.ts';

/**
 * Those of `names` that the role may not create, because only a superuser may. Others need the right to create in the database at
 * most, and those that the server does not have are nobody's to create: neither are among them. Versions before 13 trust none.
 * https://www.postgresql.org/docs/current/view-pg-available-extension-versions.html
 */
export async function findSuperuserExtensions(context: SessionContext, names: readonly string[]): Promise<readonly string[]> {
  const rows = await withPostgresSession(context, (session) =>
    session.read(
      z.object({ name: z.string() }),
      `SELECT extension.name::text AS name
       FROM pg_available_extensions AS extension JOIN pg_available_extension_versions AS by_default
         ON by_default.name = extension.name AND by_default.version = extension.default_version
       WHERE extension.name = ANY($1::text[]) AND extension.installed_version IS NULL
         AND by_default.superuser AND to_jsonb(by_default) ->> 'trusted' IS DISTINCT FROM 'true'
         AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       ORDER BY 1`,
      [names],
    ),
  );
  return rows.map(({ name }) => name);
}
