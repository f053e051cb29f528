import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { createStopError } from '../stop-error.ts';
import { createFileError, isMissing } from './file-error.ts';
import type { Glob } from './glob.ts';

const MAX_ENTRIES = 100_000;
const MAX_DEPTH = 16;

/** A regular file, and what tells that it is still the same one. */
export interface FoundFile {
  /** Below the directory that was listed, e.g. `2026/dump.sql`. */
  readonly path: string;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
  readonly bytes: bigint;
}

export interface FileSearch {
  /** Real path of a directory. */
  readonly directory: string;
  readonly glob: Glob;
  readonly isRecursive: boolean;
}

/**
 * The regular files whose names match, the newest first. Symbolic links are not followed, other file systems not entered.
 * Refuses (`over_limit`) more than 100,000 entries and folders more than 16 deep, because a part would be taken for all.
 */
export async function listFiles(search: FileSearch, signal: AbortSignal): Promise<readonly FoundFile[]> {
  const { directory, glob, isRecursive } = search;
  const found: FoundFile[] = [];
  const device = (await readStats(directory))?.dev;
  const folders = [{ path: '', depth: 1 }];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await readNames(join(directory, folder.path), MAX_ENTRIES - seen)) {
      if (signal.aborted) throw createStopError(signal, `the search in "${quoteLine(directory)}"`, 'nothing');
      seen += 1;
      const path = join(folder.path, name);
      const stats = await readStats(join(directory, path));
      if (stats?.isDirectory() === true && isRecursive && stats.dev === device) {
        if (folder.depth >= MAX_DEPTH) throw overLimit(directory, `folders more than ${MAX_DEPTH} deep`);
        folders.push({ path, depth: folder.depth + 1 });
      } else if (stats?.isFile() === true && glob.matches(name)) {
        found.push({ path, inode: stats.ino, modifiedNs: stats.mtimeNs, bytes: stats.size });
      }
    }
  }
  return found.sort(newestFirst);
}

/** Its identity is its inode, its size and its time; a file that is written to is another one. */
export function isSameFile(a: Omit<FoundFile, 'path'>, b: Omit<FoundFile, 'path'>): boolean {
  return a.inode === b.inode && a.modifiedNs === b.modifiedNs && a.bytes === b.bytes;
}

/** What is at a path itself; `undefined` when it is gone. */
async function readStats(path: string) {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw createFileError(error, path);
  }
}

async function readNames(folder: string, most: number): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (names.length >= most) throw overLimit(folder, `more than ${MAX_ENTRIES} entries`);
      // Not UTF-8: its name cannot be said, and what it was turned into may be that of another file.
      if (!name.includes('\uFFFD')) names.push(name);
    }
  } catch (error) {
    throw createFileError(error, folder);
  }
  return names;
}

function overLimit(directory: string, what: string): StepError {
  return new StepError('over_limit', `"${quoteLine(directory)}" holds ${what}: name a directory with less`, {
    happened: 'nothing',
  });
}

/** By name where the times are equal, so that two looks agree. */
function newestFirst(a: FoundFile, b: FoundFile): number {
  if (a.modifiedNs !== b.modifiedNs) return a.modifiedNs > b.modifiedNs ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
