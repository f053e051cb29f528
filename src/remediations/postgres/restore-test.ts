import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { resolveBackupDirectory } from '../resolve-backup-directory.ts';
import { findClientProgram } from './client-program.ts';
import { findNewestDump } from './dump-file.ts';
import { withPostgresSession, type SessionContext } from './postgres-session.ts';
import { restoreDump, withReadableDump, type ReadableDump } from './restore-dump.ts';
import {
  createScratchDatabase,
  dropScratchDatabase,
  findOldScratchDatabases,
  nameScratchDatabase,
  onDatabase,
} from './scratch-database.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

interface RestoreData {
  readonly [key: string]: Json;
  readonly file: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly serverMajor: number;
}

/** Shows that a dump can be restored. */
export const restoreTest = defineRemediation({
  name: 'postgres.restore_test',
  summary: 'Restores a dump into a scratch database, counts its tables and rows, and drops the database again.',
  notes: [
    'The file has to be below one of `backup_directories` of the connection. Needs `ALTER ROLE remedyd CREATEDB;`, and room on the disk for',
    "the whole database: it is restored on the connection's server, so use a connection to another one where production is too full or too",
    'busy. `pg_restore` has to be on the machine of remedyd, as new as the server: the package postgresql-client. Into servers before 17,',
    'that of 17 and later cannot restore.',
    '',
    'The scratch database is called `remedyd_restore_TIME_RANDOM`, and is dropped whatever happens; what a crash has left is dropped by the',
    'next test, once it is a day old. Owners, rights, comments, publications, subscriptions, security labels and tablespaces are not restored.',
    'The first error ends the test with `rejected`. Give the step a `timeout` that fits the data.',
    '',
    'No superuser is needed for dumps with extensions. Those that only a superuser may create (`pg_stat_statements`, `amcheck`) are left',
    'out, and named in `skipped_extensions`; trusted ones (`citext`, `pg_trgm`) are created. What needs one that was left out, such as a',
    'view or a column of its type, cannot be restored: the test fails, and its error names what was left out. Where none may be:',
    '`expect: size(output.skipped_extensions) == 0`. A list of what is in the dump is kept in the folder for temporary files meanwhile.',
    '',
    'Restoring runs what the dump says, as the role of the connection: test your own dumps only. And whoever may create functions in the',
    'dumped database writes a part of it: an index or a materialized view runs them in the restore. So give the restore a connection',
    'with a role of its own that can do nothing but this (`CREATE ROLE remedyd_restore LOGIN PASSWORD … CREATEDB;`), best on another server,',
    'never a superuser, whose functions could run programs.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    file: { type: 'string', pattern: '/.*', description: 'Absolute path of the dump, in the custom format of pg_dump' },
    directory: { type: 'string', pattern: '/.*', description: 'Instead of `file`: the newest `*.dump` in this directory' },
    database: {
      type: 'string',
      description: 'With `directory`: only dumps of this database, by the names that postgres.dump gives',
    },
  },
  outputs: {
    file: { type: 'string', description: 'The dump that was restored' },
    tables: { type: 'int', description: 'Tables in the scratch database' },
    rows: { type: 'int', description: 'Rows in all of them' },
    bytes: { type: 'bytes', description: 'Size of the dump' },
    skipped_extensions: {
      type: 'list',
      description: 'Names of the extensions that were left out, because only a superuser may create them',
    },
    took: { type: 'duration', description: 'How long it took' },
  },
  example: {
    file: '/backups/app-20260131T120000Z.dump',
    tables: 41,
    rows: 1_250_311,
    bytes: 104_857_600,
    skipped_extensions: ['pg_stat_statements'],
    took: 95_000,
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan(params, context) {
    const { name } = context.connection;
    const file = await chooseFile(params, context);
    const { size, mtimeMs } = await requireFile(file);
    const { major } = await requireCreateDb(context);
    await findClientProgram('pg_restore', major, context);
    const data: RestoreData = { file, bytes: size, modifiedMs: mtimeMs, serverMajor: major };
    return {
      summary: `restore ${JSON.stringify(file)} (${size} bytes, of ${new Date(mtimeMs).toISOString()}) into a scratch database of PostgreSQL "${name}"`,
      identity: {
        connection: name,
        file: params.file ?? null,
        directory: params.directory ?? null,
        database: params.database ?? null,
      },
      touches: [`postgres:${name}`],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { file, bytes, modifiedMs, serverMajor } = plan.data;
    const { clock } = context;
    const startedAt = clock.monotonic();
    await requireAllowed(file, context);
    const now = await requireFile(file);
    if (now.size !== bytes || now.mtimeMs !== modifiedMs) {
      throw new StepError(
        'precondition_failed',
        `${JSON.stringify(file)} was changed since the plan was made; nothing was done`,
        {
          happened: 'nothing',
        },
      );
    }
    await requireCreateDb(context);
    const program = await findClientProgram('pg_restore', serverMajor, context);
    const restored = await withReadableDump(program, file, context, async (dump) => {
      for (const left of await findOldScratchDatabases(context)) await dropScratchDatabase(context, left);
      return await restoreAndCount(dump, context);
    });
    return { file, ...restored, bytes, took: Math.round(clock.monotonic() - startedAt) };
  },
});

async function chooseFile(
  params: { readonly file?: string; readonly directory?: string; readonly database?: string },
  context: StepContext<'postgres'>,
): Promise<string> {
  const { file, directory, database } = params;
  const refuse = (code: 'missing_value' | 'invalid_value' | 'not_found', text: string): StepError =>
    new StepError(code, text, { happened: 'nothing' });
  if (file !== undefined && directory !== undefined) throw refuse('invalid_value', 'give `file` or `directory`, not both');
  if (file !== undefined) {
    if (database !== undefined) throw refuse('invalid_value', '`database` goes with `directory`, not with `file`');
    return await requireAllowed(file, context);
  }
  if (directory === undefined) throw refuse('missing_value', 'give `file` or `directory`');
  const { connection } = context;
  const real = await resolveBackupDirectory(directory, connection.backupDirectories, `PostgreSQL "${connection.name}"`);
  const newest = await findNewestDump(real, database);
  if (newest !== undefined) return newest;
  throw refuse('not_found', `there is no dump${database === undefined ? '' : ` of ${database}`} in ${JSON.stringify(directory)}`);
}

/** The real path of a file, which has to be in or below a directory for backups. */
async function requireAllowed(file: string, { connection }: StepContext<'postgres'>): Promise<string> {
  const path = await realpath(file).catch(() => undefined);
  if (path === undefined) throw new StepError('not_found', `there is no file ${JSON.stringify(file)}`, { happened: 'nothing' });
  await resolveBackupDirectory(dirname(path), connection.backupDirectories, `PostgreSQL "${connection.name}"`);
  return path;
}

async function requireFile(path: string) {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile()) return facts;
  throw new StepError('not_found', `there is no file ${JSON.stringify(path)}`, { happened: 'nothing' });
}

async function requireCreateDb(context: SessionContext): Promise<ServerFacts> {
  const facts = await readServerFacts(context);
  if (facts.may_create_databases) return facts;
  throw new StepError(
    'permission_denied',
    `PostgreSQL "${context.connection.name}": the role may not create a scratch database; run: ALTER ROLE ${facts.role} CREATEDB;`,
    { happened: 'nothing' },
  );
}

async function restoreAndCount(dump: ReadableDump, context: StepContext<'postgres'>) {
  const name = nameScratchDatabase(context.clock.now());
  const restored = await restoreInto(name, dump, context).catch((error: unknown) => dropAfter(error, name, context));
  await dropScratchDatabase(context, name);
  return restored;
}

async function restoreInto(name: string, dump: ReadableDump, context: StepContext<'postgres'>) {
  await createScratchDatabase(context, name);
  const skipped = await restoreDump(dump, name, context);
  return { ...(await countRows(onDatabase(context, name))), skipped_extensions: skipped };
}

/** Passes on why the test failed; when the scratch database could not be dropped either, with what there is to do by hand. */
async function dropAfter(error: unknown, name: string, context: StepContext<'postgres'>): Promise<never> {
  const left = await dropScratchDatabase(context, name).then(
    () => '',
    (failure: unknown) => `; ${failure instanceof StepError ? failure.message : 'the scratch database was not dropped'}`,
  );
  if (!(error instanceof StepError)) throw error;
  // With the database gone, the server is as it was.
  throw new StepError(error.code, `${error.message}${left}`, {
    happened: left === '' ? 'nothing' : 'unknown',
    cause: error.cause,
  });
}

function countRows(context: SessionContext): Promise<{ readonly tables: number; readonly rows: number }> {
  return withPostgresSession(context, async (session) => {
    const statements = await session.read(
      z.object({ statement: z.string() }),
      `SELECT format('SELECT count(*) AS rows FROM %I.%I', namespace.nspname, relation.relname) AS statement
       FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
       WHERE relation.relkind = 'r' AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'`,
    );
    let rows = 0;
    for (const { statement } of statements) {
      const [row] = await session.read(z.object({ rows: z.coerce.number().int() }), statement);
      rows += row?.rows ?? 0;
    }
    return { tables: statements.length, rows };
  });
}
