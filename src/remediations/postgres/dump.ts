import { access, constants } from 'node:fs/promises';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { whileThereIsRoom } from '../require-room.ts';
import { resolveBackupDirectory } from '../resolve-backup-directory.ts';
import { isStopped, createStopError } from '../stop-error.ts';
import { findClientProgram } from './client-program.ts';
import { writeDumpFile, type DumpFile } from './dump-file.ts';
import { readServerFacts } from './server-facts.ts';
import { runClientProgram } from './run-client-program.ts';

const COMPRESSION = 6;
const LOCK_TIMEOUT_MS = 60_000;

interface DumpData {
  readonly [key: string]: Json;
  readonly directory: string;
  readonly database: string;
  readonly serverMajor: number;
  readonly compress: boolean;
}

/** Backs up a database into a file. */
export const dump = defineRemediation({
  name: 'postgres.dump',
  summary: "Writes the connection's database with pg_dump, in its custom format, into a new file in a directory of this machine.",
  notes: [
    'The directory has to be one of `backup_directories` of the connection, or below one. Needs a role that may read everything:',
    '`GRANT pg_read_all_data TO remedyd;` (PostgreSQL 14 and later), and `BYPASSRLS` where tables have row-level security. Large objects have',
    'to be its own, or readable for it. `pg_dump` has to be on the machine of remedyd, as new as the server: the package postgresql-client.',
    'It is looked for in `/usr/lib/postgresql/*/bin`, `/usr/pgsql-*/bin` and the folders of the system. It gets the password in its environment, never as an',
    'argument. `sslmode` of the URL means to it what it means to remedyd: all but `no-verify` check the certificate.',
    '',
    'The dump is consistent; reads and writes go on, changes of tables wait for it. It comes into `….dump.partial`, is flushed to the',
    'disk, and only then named `DATABASE-20260131T120000Z.dump`, readable by the owner only: after a failure, a full disk or an abort there',
    'is no half file. It gives up when less than 256 MiB (or 5% of a small disk) would be left. What a crash leaves ends in `.partial`, and',
    'is removed by the next dump of the database once it is a day old. Roles and tablespaces are not in it (pg_dumpall --globals-only).',
    'Old dumps are deleted by `files.delete_older`; `postgres.restore_test` shows',
    'that one can be restored. Give the step a `timeout` that fits the data. A repetition makes a second file.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    directory: {
      type: 'string',
      required: true,
      pattern: '/.*',
      description: 'Absolute path of an existing directory of the machine that remedyd runs on',
    },
    compress: { type: 'bool', default: true, description: `Whether pg_dump compresses (level ${COMPRESSION})` },
  },
  outputs: {
    file: { type: 'string', description: 'Path of the dump' },
    bytes: { type: 'bytes', description: 'Its size' },
    sha256: { type: 'string', description: 'Its SHA-256 in hexadecimal' },
    took: { type: 'duration', description: 'How long it took' },
  },
  example: {
    file: '/backups/app-20260131T120000Z.dump',
    bytes: 104_857_600,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    took: 42_000,
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan(params, context) {
    const { name } = context.connection;
    const directory = await requireDirectory(params.directory, context);
    const { database, major } = await readServerFacts(context);
    await findClientProgram('pg_dump', major, context);
    const data: DumpData = { directory, database, serverMajor: major, compress: params.compress };
    return {
      summary: `dump database ${database} of PostgreSQL "${name}" into a new file in ${JSON.stringify(directory)}`,
      identity: { connection: name, database, directory },
      // Nothing is changed in the database: repairs of it need not wait for a dump that takes hours.
      touches: [`files:${directory}`],
      data,
    };
  },

  async run(plan, context) {
    const { clock, signal } = context;
    const { directory, database, serverMajor, compress } = plan.data;
    const startedAt = clock.monotonic();
    if ((await requireDirectory(directory, context)) !== directory) {
      throw new StepError(
        'precondition_failed',
        `${JSON.stringify(directory)} has become a link to elsewhere since the plan was made`,
        {
          happened: 'nothing',
        },
      );
    }
    const program = await findClientProgram('pg_dump', serverMajor, context);
    const write = async (path: string): Promise<void> => {
      const args = [
        '--format=custom',
        `--compress=${compress ? COMPRESSION : 0}`,
        `--lock-wait-timeout=${LOCK_TIMEOUT_MS}`,
        '--no-password',
        `--file=${path}`,
      ];
      const advice = 'run: GRANT pg_read_all_data TO its role, and where rows are guarded ALTER ROLE … BYPASSRLS';
      await whileThereIsRoom(directory, context, (untilFull) =>
        runClientProgram(program, args, database, { ...context, signal: untilFull }, advice),
      );
    };
    const written = await writeOrNothing(() => writeDumpFile(directory, database, clock.now(), signal, write), context);
    return { ...written, took: Math.round(clock.monotonic() - startedAt) };
  },
});

async function requireDirectory(path: string, { connection }: StepContext<'postgres'>): Promise<string> {
  const directory = await resolveBackupDirectory(path, connection.backupDirectories, `PostgreSQL "${connection.name}"`);
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch {
    throw new StepError('permission_denied', `remedyd may not write into ${JSON.stringify(directory)}`, { happened: 'nothing' });
  }
  return directory;
}

/** A dump that fails has left no file and changed nothing in the database. */
async function writeOrNothing(
  write: () => Promise<DumpFile>,
  { signal, connection }: StepContext<'postgres'>,
): Promise<DumpFile> {
  try {
    return await write();
  } catch (error) {
    if (isStopped(signal)) throw createStopError(signal, `the dump of PostgreSQL "${connection.name}"`, 'nothing');
    if (!(error instanceof StepError)) throw error;
    throw new StepError(error.code, error.message, { happened: 'nothing', cause: error.cause });
  }
}
