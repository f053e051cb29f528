import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import type { ClientProgram } from './client-program.ts';
import { readDumpContents, writeDumpContents, type DumpEntry } from './dump-contents.ts';
import { findSuperuserExtensions } from './find-superuser-extensions.ts';
import { runClientProgram } from './run-client-program.ts';
import { onDatabase } from './scratch-database.ts';

const ADVICE = 'a restore into a database of its own must not need more than CREATEDB';
const NOT_RESTORED = ['owner', 'privileges', 'comments', 'publications', 'subscriptions', 'security-labels', 'tablespaces'];

/** A dump that `program` can read, with a folder for lists of its entries. */
export interface ReadableDump {
  readonly program: ClientProgram;
  readonly file: string;
  readonly entries: readonly DumpEntry[];
  readonly folder: string;
}

/** Lends a dump whose table of contents pg_restore can read; fails with `happened: 'nothing'` when it cannot. */
export async function withReadableDump<T>(
  program: ClientProgram,
  file: string,
  context: StepContext<'postgres'>,
  use: (dump: ReadableDump) => Promise<T>,
): Promise<T> {
  const folder = await onDisk(() => mkdtemp(join(tmpdir(), 'remedyd-restore-')));
  try {
    const entries = await listEntries(program, file, join(folder, 'contents'), context);
    return await use({ program, file, entries, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Restores a dump into an empty database of the connection's server, without the extensions that only a superuser may create where the
 * role is none, and returns their names. The first error ends it, also one of what needs an extension that was left out.
 */
export async function restoreDump(
  { program, file, entries, folder }: ReadableDump,
  database: string,
  context: StepContext<'postgres'>,
): Promise<readonly string[]> {
  const extensions = entries.flatMap(({ extension }) => extension ?? []);
  const skipped = await findSuperuserExtensions(onDatabase(context, database), extensions);
  const kept = entries.filter(({ extension }) => extension === undefined || !skipped.includes(extension));
  const list = join(folder, 'restored');
  if (skipped.length > 0) await onDisk(() => writeDumpContents(list, kept));
  const args = [
    `--dbname=${database}`,
    '--exit-on-error',
    ...NOT_RESTORED.map((kind) => `--no-${kind}`),
    '--no-password',
    ...(skipped.length > 0 ? [`--use-list=${list}`] : []),
    file,
  ];
  try {
    await runClientProgram(program, args, database, context, ADVICE);
  } catch (error) {
    if (!(error instanceof StepError) || skipped.length === 0) throw error;
    const message = `${error.message}; left out as only a superuser may create them: ${skipped.join(', ')}`;
    throw new StepError(error.code, message, { happened: error.happened, cause: error.cause });
  }
  return skipped;
}

async function listEntries(
  program: ClientProgram,
  file: string,
  list: string,
  context: StepContext<'postgres'>,
): Promise<readonly DumpEntry[]> {
  try {
    await runClientProgram(program, ['--list', `--file=${list}`, file], undefined, context, ADVICE);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new StepError(error.code, error.message, { happened: 'nothing', cause: error.cause });
  }
  return await onDisk(() => readDumpContents(list));
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = `a list of what is in the dump cannot be kept in ${tmpdir()}: ${describeError(error).text}`;
    throw new StepError('unavailable', message, { happened: 'nothing', cause: error });
  }
}
