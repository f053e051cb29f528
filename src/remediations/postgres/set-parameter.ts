import { z } from 'zod';
import type { PostgresConnection } from '../../domain/connection.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { sqlStateOf } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { readFileEntry, readFileError, readLoadTime, readParameter, type ServerParameter } from './server-parameter.ts';

const POLL_MS = 50;
/** They name programs, libraries, code and files that the server runs, reads or writes as its own user, or hold passwords. */
const NEVER_SET =
  /_command$|_librar(?:y|ies)$|_(?:library|control)_path$|_provider$|^pl\w*\..*(?:_init|_proc)$|^pljava\.|conninfo$|_file(?:name)?$|_director(?:y|ies)$|^krb_/;

interface ParameterData {
  readonly [key: string]: Json;
  readonly name: string;
  readonly value: string;
  readonly previous: string;
}

/** Sets a parameter of the server for good. */
export const setParameter = defineRemediation({
  name: 'postgres.set_parameter',
  summary: 'Sets one server parameter with ALTER SYSTEM, reloads the configuration and says whether a restart is needed.',
  notes: [
    'Only parameters in `allow_parameters` of the connection, and never those that name programs, libraries or files, or hold passwords',
    '(`…_command`, `…_libraries`, `jit_provider`, `extension_control_path`, `plperl.on_init`, `…_file`, `log_filename`, `…_directory`,',
    '`primary_conninfo`). Needs, on PostgreSQL 15 and later:',
    '`GRANT ALTER SYSTEM ON PARAMETER work_mem TO remedyd; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO remedyd; GRANT SELECT ON',
    'pg_file_settings TO remedyd; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO remedyd;`. Before 15 only a superuser may.',
    'It connects to the server itself or through a pooler that pools by session: ALTER SYSTEM cannot run in a transaction.',
    '',
    'The value is written to `postgresql.auto.conf`, and survives restarts. A parameter that only a restart can change gives',
    '`restart_required: true`: it is not in effect until then, and a value that the machine has no room for keeps the server from starting.',
    'The reload puts every change into effect that waits in the configuration files; a mistake in them is `rejected` before anything is done.',
    'A setting of a role or a database (`ALTER ROLE … SET`) wins over it, and so does what a session sets for itself; one on the command line of',
    'the server wins for everybody and is `not_allowed`. A repetition does no harm. Undo it by setting `previous`.',
    '',
    'The value is one text. `search_path` and `temp_tablespaces`, which PostgreSQL writes as a list of quoted names, so get one name: `app, public`',
    'is the one schema "app, public", and a `previous` of several names cannot be set again this way. Keep them out of `allow_parameters` where',
    'they need a list, and set them for the role. Lists of values, as in `synchronous_standby_names`, are taken as they are.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    name: {
      type: 'string',
      required: true,
      pattern: '[a-z_][a-z0-9_.]*',
      description: 'The parameter, in lower case, such as `work_mem`',
    },
    value: {
      type: 'string',
      required: true,
      description: 'The value, as in postgresql.conf without its quotes: `64MB`, `on`, `200`',
    },
  },
  outputs: {
    previous: { type: 'string', description: 'The value in effect before, with its unit' },
    value: { type: 'string', description: 'The value that was set' },
    restart_required: { type: 'bool', description: 'Whether it takes effect only when the server is restarted' },
    in_effect: {
      type: 'bool',
      description:
        "Whether new sessions of remedyd's role have it: not before the restart, nor where the role or the database has its own",
    },
  },
  example: { previous: '4MB', value: '64MB', restart_required: false, in_effect: true },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan(params, context) {
    const { connection } = context;
    requireAllowed(connection, params.name);
    return await withPostgresSession(context, async (session) => {
      const found = await requireSettable(session, params.name, connection.name);
      const restart = found.context === 'postmaster' ? ', for the next restart' : '';
      const data: ParameterData = { name: params.name, value: params.value, previous: found.value };
      return {
        summary: `set ${params.name} of PostgreSQL "${connection.name}" to ${quoteLine(params.value)} (now ${found.value === '' ? 'empty' : quoteLine(found.value)})${restart}`,
        identity: { connection: connection.name, name: params.name, value: params.value },
        touches: [`postgres:${connection.name}`],
        count: 1,
        data,
      };
    });
  },

  async run(plan, context) {
    const { name, value, previous } = plan.data;
    const { connection } = context;
    requireAllowed(connection, name);
    return await withPostgresSession(
      context,
      async (session) => {
        const before = await requireSettable(session, name, connection.name);
        const isWritten = (await readFileEntry(session, name))?.setting === value;
        if (before.value !== previous && !isWritten) {
          throw refuse(connection, 'precondition_failed', `${name} was ${previous} and is ${before.value} now; nothing was done`);
        }
        await writeParameter(session, name, value);
        const after = await reload(session, name, context);
        return {
          previous,
          value,
          restart_required: after.pending_restart,
          in_effect: isInEffect(after),
        };
      },
      { mode: 'autocommit' },
    );
  },
});

function requireAllowed(connection: PostgresConnection, name: string): void {
  if (NEVER_SET.test(name)) {
    throw refuse(
      connection,
      'not_allowed',
      `${name} is never set: it names what the server runs, reads or writes, or holds a password`,
    );
  }
  if (connection.allowParameters.includes(name)) return;
  throw refuse(connection, 'not_allowed', `${name} is not in allow_parameters of the connection`);
}

/** The parameter as it is. Fails when it cannot be set, or when a reload would not take. */
async function requireSettable(session: PostgresSession, name: string, connection: string): Promise<ServerParameter> {
  const fail = (code: 'not_found' | 'not_allowed' | 'rejected', text: string): StepError =>
    new StepError(code, `PostgreSQL "${connection}": ${text}`, { happened: 'nothing' });

  const found = await readParameter(session, name);
  if (found === undefined) throw fail('not_found', `the server has no parameter ${name}`);
  if (found.context === 'internal') throw fail('not_allowed', `${name} cannot be set`);
  if (found.source === 'command line' || found.source === 'override') {
    throw fail('not_allowed', `${name} is given on the server's command line, which wins over ALTER SYSTEM`);
  }
  await requireRights(session, name, connection);
  const mistake = await readFileError(session);
  if (mistake !== undefined)
    throw fail('rejected', `the configuration files have a mistake, so a reload would not take: ${mistake}`);
  return found;
}

const missingRight = z.object({ granted: z.boolean(), statement: z.string() });

async function requireRights(session: PostgresSession, name: string, connection: string): Promise<void> {
  const rights = await session.read(
    missingRight,
    `SELECT granted, format(statement, current_user) AS statement FROM (VALUES
       (CASE WHEN current_setting('server_version_num')::int >= 150000 THEN has_parameter_privilege($1, 'ALTER SYSTEM')
          ELSE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) END,
        CASE WHEN current_setting('server_version_num')::int >= 150000
          THEN 'GRANT ALTER SYSTEM ON PARAMETER ' || quote_ident($1) || ' TO %I;' ELSE 'ALTER ROLE %I SUPERUSER;' END),
       (has_function_privilege('pg_reload_conf()', 'EXECUTE'), 'GRANT EXECUTE ON FUNCTION pg_reload_conf() TO %I;'),
       (has_table_privilege('pg_file_settings', 'SELECT'), 'GRANT SELECT ON pg_file_settings TO %I;'),
       (has_function_privilege('pg_show_all_file_settings()', 'EXECUTE'),
        'GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO %I;')
     ) AS needed (granted, statement)`,
    [name],
  );
  const missing = rights.filter(({ granted }) => !granted).map(({ statement }) => statement);
  if (missing.length === 0) return;
  throw new StepError(
    'permission_denied',
    `PostgreSQL "${connection}": the role may not set ${name}; run: ${missing.join(' ')}`,
    { happened: 'nothing' },
  );
}

async function writeParameter(session: PostgresSession, name: string, value: string): Promise<void> {
  // The server writes name and value into the statement.
  const [row] = await session.read(
    z.object({ statement: z.string() }),
    `SELECT format('ALTER SYSTEM SET %s = %L',
       (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(name, '.')) AS part), $2::text) AS statement
     FROM pg_settings WHERE name = $1`,
    [name, value],
  );
  if (row === undefined) return;
  try {
    await session.change(z.unknown(), row.statement);
  } catch (error) {
    // What the server answers with an error it has not written; only a lost connection leaves that open.
    if (!(error instanceof StepError) || sqlStateOf(error) === '') throw error;
    throw new StepError(error.code, error.message, { happened: 'nothing', cause: error.cause });
  }
}

/** Reloads the configuration, and waits until this session has read it. */
async function reload(session: PostgresSession, name: string, context: StepContext<'postgres'>): Promise<ServerParameter> {
  const loadedAt = await readLoadTime(session);
  await session.change(z.unknown(), 'SELECT pg_reload_conf()');
  while ((await readLoadTime(session)) === loadedAt) {
    const mistake = await readFileError(session);
    if (mistake !== undefined) {
      const text = `${name} was written, but the server refuses its configuration files: ${mistake}`;
      throw new StepError('rejected', `PostgreSQL "${context.connection.name}": ${text}`, { happened: 'unknown' });
    }
    await context.clock.sleep(POLL_MS, context.signal);
  }
  const after = await readParameter(session, name);
  const entry = await readFileEntry(session, name);
  // A value that waits for a restart has an error there too.
  if (after?.pending_restart === false && entry !== undefined && entry.error !== null) {
    throw new StepError('rejected', `PostgreSQL "${context.connection.name}": ${name} was written, but ${entry.error}`, {
      happened: 'unknown',
    });
  }
  if (after !== undefined) return after;
  throw new StepError('invalid_response', `PostgreSQL "${context.connection.name}": ${name} is gone after the reload`, {
    happened: 'unknown',
  });
}

/** Of those that only a restart changes, the source stays as it is when the value was already what is in the files. */
function isInEffect({ pending_restart, source, context }: ServerParameter): boolean {
  return !pending_restart && (source === 'configuration file' || context === 'postmaster');
}

function refuse(connection: PostgresConnection, code: 'not_allowed' | 'precondition_failed', text: string): StepError {
  return new StepError(code, `PostgreSQL "${connection.name}": ${text}`, { happened: 'nothing' });
}
