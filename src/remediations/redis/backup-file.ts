import { lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { requireRoom } from '../require-room.ts';

const OWNER_ONLY = 0o600;
const DAY_MS = 86_400_000;
const MOST_OF_ONE_NAME = 100;
/** What is received has no bound. */
const CHECKED_EVERY_BYTES = 16 * 2 ** 20;
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const FORBIDDEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Writes a file that is there whole or not at all: under a name with `.partial`, flushed to the disk, and only then renamed to
 * what `finish` calls it, with a number behind it where a file of that name is there. When anything fails, the partial file is removed; only a crash leaves one,
 * which `removeAbandoned` removes once it is a day old.
 */
export async function writeBackupFile<T extends { readonly name: string }>(
  directory: string,
  partialName: string,
  chunks: AsyncIterable<Buffer>,
  finish: () => T,
): Promise<T & { readonly file: string }> {
  const partial = join(directory, `${partialName}.partial`);
  const handle = await onDisk(directory, () => open(partial, 'wx', OWNER_ONLY));
  try {
    try {
      let unchecked = CHECKED_EVERY_BYTES;
      for await (const chunk of chunks) {
        unchecked += chunk.length;
        if (unchecked >= CHECKED_EVERY_BYTES) {
          await onDisk(directory, () => requireRoom(directory));
          unchecked = 0;
        }
        await onDisk(directory, () => handle.writeFile(chunk));
      }
      await onDisk(directory, () => handle.sync());
    } finally {
      await handle.close();
    }
    const facts = finish();
    const file = await onDisk(directory, () => findFreeName(directory, facts.name));
    await onDisk(directory, () => rename(partial, file));
    await onDisk(directory, () => flushDirectory(directory));
    return { ...facts, file };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Removes partial files that begin with `prefix` and that nobody has written to for a day before `now`. */
export async function removeAbandoned(directory: string, prefix: string, now: number): Promise<void> {
  await onDisk(directory, async () => {
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix) && name.endsWith('.partial'));
    for (const name of names) {
      const path = join(directory, name);
      if (now - (await stat(path)).mtimeMs > DAY_MS) await rm(path, { force: true });
    }
  });
}

/** Its name comes from what was received: who sent it must not be able to replace an older copy, so that may be in the way. */
async function findFreeName(directory: string, name: string): Promise<string> {
  const { name: stem, ext } = parse(name);
  for (let count = 1; count <= MOST_OF_ONE_NAME; count += 1) {
    const file = join(directory, count === 1 ? name : `${stem}-${count}${ext}`);
    if (!(await isThere(file))) return file;
  }
  throw failed(
    'rejected',
    `${JSON.stringify(join(directory, name))} and ${MOST_OF_ONE_NAME - 1} more of that time are there already`,
  );
}

function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

// So that the name outlasts a power failure too.
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function onDisk<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw diskError(error, directory);
  }
}

function diskError(error: unknown, directory: string): StepError {
  const { code } = describeError(error);
  const place = JSON.stringify(directory);
  if (FULL.has(code)) return failed('rejected', `${place}: the disk is full; free some space. What was written is removed`);
  if (FORBIDDEN.has(code)) return failed('permission_denied', `${place}: remedyd may not write there (${code})`);
  return failed('rejected', `${place}: writing failed (${code})`);
}

function failed(code: StepErrorCode, message: string): StepError {
  return new StepError(code, message, { happened: 'nothing' });
}
