import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StepError } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';

const OWNER_ONLY = 0o600;
const DAY_MS = 86_400_000;

export interface DumpFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Lets `write` fill a file that is there whole or not at all: under a name with `.partial`, flushed to the disk, and only then
 * renamed to `DATABASE-YYYYMMDDTHHMMSSZ.dump`. When anything fails, the partial file is removed; only a crash leaves one,
 * which the next dump of that database removes once it is a day old.
 */
export async function writeDumpFile(
  directory: string,
  database: string,
  now: number,
  signal: AbortSignal,
  write: (path: string) => Promise<void>,
): Promise<DumpFile> {
  const prefix = toFileName(database);
  const file = join(directory, `${prefix}-${toStamp(now)}.dump`);
  const partial = `${file}.partial`;
  await onDisk(directory, () => removeOldPartials(directory, prefix, now));
  await onDisk(directory, () => reserve(partial, file));
  try {
    await write(partial);
    return await onDisk(directory, async () => {
      await flush(partial);
      const facts = { file, bytes: (await stat(partial)).size, sha256: await hashFile(partial, signal) };
      await rename(partial, file);
      await flush(directory);
      return facts;
    });
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** The newest file of a dump in a directory, of `database` only when it is given; `undefined` when there is none. */
export async function findNewestDump(directory: string, database: string | undefined): Promise<string | undefined> {
  const prefix = database === undefined ? '' : `${toFileName(database)}-`;
  const entries = await onDisk(directory, () => readdir(directory, { withFileTypes: true }));
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.dump')).map(({ name }) => name);
  const own = names.filter((name) => prefix === '' || (name.startsWith(prefix) && isStamp(name.slice(prefix.length, -5))));
  const files = await Promise.all(
    own.map(async (name) => ({ name, modifiedMs: (await onDisk(directory, () => stat(join(directory, name)))).mtimeMs })),
  );
  const [newest] = files.sort((a, b) => b.modifiedMs - a.modifiedMs || b.name.localeCompare(a.name));
  return newest === undefined ? undefined : join(directory, newest.name);
}

/** The name of a database as part of a file's: without what paths or shells could take for more. */
function toFileName(database: string): string {
  return database.replaceAll(/[^A-Za-z0-9_.-]/g, '_').replace(/^[.-]/, '_');
}

function toStamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

function isStamp(text: string): boolean {
  return /^\d{8}T\d{6}Z$/.test(text);
}

/** Makes the partial file, so that nobody else's is written to, and nobody else may read it. */
async function reserve(partial: string, file: string): Promise<void> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new StepError('rejected', `${JSON.stringify(file)} is there already; try again`, { happened: 'nothing' });
  await (await open(partial, 'wx', OWNER_ONLY)).close();
}

async function removeOldPartials(directory: string, prefix: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${prefix}-`) || !name.endsWith('.dump.partial')) continue;
    if (!isStamp(name.slice(prefix.length + 1, -'.dump.partial'.length))) continue;
    const path = join(directory, name);
    if (now - (await stat(path)).mtimeMs > DAY_MS) await rm(path, { force: true });
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

async function onDisk<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StepError) throw error;
    const { code, text } = describeError(error);
    const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(code);
    throw new StepError(isForbidden ? 'permission_denied' : 'rejected', `${JSON.stringify(directory)}: ${text}`, {
      happened: 'nothing',
      cause: error,
    });
  }
}
