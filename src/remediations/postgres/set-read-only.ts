import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';

const LONGEST_LIST = 100;
const LOCK_TIMEOUT_MS = 5_000;

const state = z.object({
  database: z.string(),
  enabled: z.boolean(),
  may_alter: z.boolean(),
  missing_grant: z.string(),
  statement: z.string(),
});

/** Makes the transactions of a database read-only by default, or ends that. */
export const setReadOnly = defineRemediation({
  name: 'postgres.set_read_only',
  summary: "Sets or ends read-only mode for new sessions of the connection's database (default_transaction_read_only).",
  notes: [
    "Needs a role that owns the database or is a member of its owner's role: `GRANT app TO remedyd;`. A missing grant is",
    '`permission_denied` and names it.',
    '',
    'It holds for sessions that begin after it. Those there are (`old_sessions`) keep what they have: end them with',
    '`postgres.terminate_idle_connections`, `postgres.terminate_idle_in_transaction` and `postgres.terminate_queries`, or restart',
    'the pooler. It is a default and no wall: a session may set `default_transaction_read_only` back, or begin a transaction with',
    '`READ WRITE`, as remedyd itself does to end the mode. A role with a setting of its own (`exempt_roles`) is not held by it. Where it',
    'must hold, revoke rights. `enabled: false` sets it to off for the database, also where the server says on. A repetition does no harm.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    enabled: { type: 'bool', required: true, description: 'Whether new sessions are to be read-only' },
  },
  outputs: {
    enabled: { type: 'bool', description: 'What new sessions of the database get' },
    previous: { type: 'bool', description: 'What they got before' },
    database: { type: 'string', description: 'The database' },
    old_sessions: { type: 'int', description: 'Sessions of others in the database, which keep what they have' },
    exempt_roles: {
      type: 'list',
      description: `Roles that have their own default_transaction_read_only, which wins; at most ${LONGEST_LIST}`,
    },
  },
  example: { enabled: true, previous: false, database: 'app', old_sessions: 12, exempt_roles: [] },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan(params, context) {
    const { name } = context.connection;
    return withPostgresSession(context, async (session) => {
      const { database, enabled } = await requireState(session, params.enabled, name);
      return {
        summary: `${params.enabled ? 'set' : 'end'} read-only mode for new sessions of database ${database} of PostgreSQL "${name}" (now ${enabled ? 'on' : 'off'})`,
        identity: { connection: name, database, enabled: params.enabled },
        touches: [`postgres:${name}`],
        count: 1,
        data: { database, enabled: params.enabled, previous: enabled },
      };
    });
  },

  run(plan, context) {
    const { name } = context.connection;
    const { database, enabled, previous } = plan.data;
    const act = async (session: PostgresSession) => {
      const found = await requireState(session, enabled, name);
      if (found.database !== database) {
        throw new StepError(
          'precondition_failed',
          `PostgreSQL "${name}": the connection leads to database ${found.database}, not to ${database} as planned`,
          { happened: 'nothing' },
        );
      }
      await session.change(z.unknown(), found.statement);
      const after = await requireState(session, enabled, name);
      return {
        enabled: after.enabled,
        previous,
        database,
        old_sessions: await countOtherSessions(session),
        exempt_roles: await findExemptRoles(session),
      };
    };
    return withPostgresSession(context, act, { mode: 'read_write', lockTimeoutMs: LOCK_TIMEOUT_MS });
  },
});

/** What new sessions get: the database's own setting, or else the server's. Fails when the role may not change it. */
async function requireState(session: PostgresSession, enable: boolean, connection: string): Promise<z.infer<typeof state>> {
  const [row] = await session.read(
    state,
    `SELECT datname AS database,
       coalesce(
         (SELECT split_part(setting, '=', 2)::bool FROM pg_db_role_setting, unnest(setconfig) AS setting
          WHERE setdatabase = db.oid AND setrole = 0 AND setting LIKE 'default\\_transaction\\_read\\_only=%'),
         (SELECT reset_val::bool FROM pg_settings WHERE name = 'default_transaction_read_only')) AS enabled,
       pg_has_role(datdba, 'USAGE') AS may_alter,
       format('GRANT %I TO %I;', pg_get_userbyid(datdba), current_user) AS missing_grant,
       format('ALTER DATABASE %I SET default_transaction_read_only = ${enable ? 'on' : 'off'}', datname) AS statement
     FROM pg_database AS db WHERE datname = current_database()`,
  );
  if (row?.may_alter) return row;
  throw new StepError(
    'permission_denied',
    `PostgreSQL "${connection}": the role may not alter the database ${row?.database ?? ''}; run: ${row?.missing_grant ?? ''}`,
    { happened: 'nothing' },
  );
}

async function countOtherSessions(session: PostgresSession): Promise<number> {
  const [row] = await session.read(
    z.object({ sessions: z.coerce.number().int() }),
    `SELECT count(*) AS sessions FROM pg_stat_activity
     WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()`,
  );
  return row?.sessions ?? 0;
}

async function findExemptRoles(session: PostgresSession): Promise<readonly string[]> {
  const rows = await session.read(
    z.object({ role: z.string() }),
    `SELECT DISTINCT pg_get_userbyid(setrole) AS role FROM pg_db_role_setting AS own, unnest(setconfig) AS setting
     WHERE setrole <> 0 AND setting LIKE 'default\\_transaction\\_read\\_only=%'
       AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY role LIMIT ${LONGEST_LIST}`,
  );
  return rows.map(({ role }) => role);
}
