import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import type { PostgresSession } from './postgres-session.ts';

const MOST_FINDINGS = 100;
/** `verify_heapam` came with version 1.3, in PostgreSQL 14. */
const INDEX_CHECK = 'bt_index_check(regclass, boolean)';
const TABLE_CHECK = 'verify_heapam(regclass, boolean, boolean, text, bigint, bigint)';

const installed = z.object({
  schema: z.string().nullable(),
  role: z.string(),
  database: z.string(),
  is_available: z.boolean(),
  may_use: z.boolean().nullable(),
});
const privilege = z.object({ name: z.string(), granted: z.boolean().nullable() });

/** The checks of the extension. Both return what they found; damage that stops them is thrown, with its SQLSTATE. */
export interface Amcheck {
  checkIndex(session: PostgresSession, oid: number, everyRow: boolean): Promise<readonly string[]>;
  checkTable(session: PostgresSession, oid: number, everyRow: boolean): Promise<readonly string[]>;
}

/** Fails with `not_found` or `permission_denied`, and the statements that help. https://www.postgresql.org/docs/current/amcheck.html */
export async function requireAmcheck(session: PostgresSession, connection: string): Promise<Amcheck> {
  const fail = (code: 'not_found' | 'permission_denied', text: string): StepError =>
    new StepError(code, `PostgreSQL "${connection}": ${text}`, { happened: 'nothing' });

  const [found] = await session.read(
    installed,
    `SELECT quote_ident(nspname) AS schema, quote_ident(current_user) AS role, quote_ident(current_database()) AS database,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck') AS is_available,
       has_schema_privilege(namespace.oid, 'USAGE') AS may_use
     FROM (SELECT) AS one LEFT JOIN pg_extension AS extension ON extension.extname = 'amcheck'
       LEFT JOIN pg_namespace AS namespace ON namespace.oid = extension.extnamespace`,
  );
  const { schema, role, database } = found ?? { schema: null, role: '', database: '' };
  if (schema === null) {
    const first = found?.is_available ? '' : "install the server's contrib package (Debian: postgresql), then ";
    throw fail(
      'not_found',
      `the extension amcheck is not in the database ${database}; ${first}run there: CREATE EXTENSION amcheck;`,
    );
  }
  const missing = found?.may_use ? [] : [`GRANT USAGE ON SCHEMA ${schema} TO ${role};`];
  const privileges = await session.read(
    privilege,
    `SELECT name, has_function_privilege(to_regprocedure($1 || '.' || name), 'EXECUTE') AS granted FROM unnest($2::text[]) AS name`,
    [schema, [INDEX_CHECK, TABLE_CHECK]],
  );
  if (privileges.some(({ granted }) => granted === null)) {
    throw fail('not_found', `the extension amcheck is too old, it needs PostgreSQL 14; run: ALTER EXTENSION amcheck UPDATE;`);
  }
  for (const { name, granted } of privileges) {
    if (granted !== true) missing.push(`GRANT EXECUTE ON FUNCTION ${schema}.${name} TO ${role};`);
  }
  if (missing.length > 0) throw fail('permission_denied', `the role may not check; run: ${missing.join(' ')}`);

  return {
    checkIndex: async (own, oid, everyRow) => {
      await own.read(z.unknown(), `SELECT ${schema}.bt_index_check($1::oid::regclass, $2)`, [oid, everyRow]);
      return [];
    },
    checkTable: async (own, oid, everyRow) => {
      const rows = await own.read(
        z.object({ block: z.coerce.number().nullable(), msg: z.string() }),
        `SELECT blkno AS block, msg FROM ${schema}.verify_heapam($1::oid::regclass, false, $2, 'none', NULL, NULL) LIMIT ${MOST_FINDINGS}`,
        [oid, everyRow],
      );
      return rows.map(({ block, msg }) => (block === null ? msg : `block ${block}: ${msg}`));
    },
  };
}
