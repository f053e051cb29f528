import { lstat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FilesConnection } from '../../domain/connection.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { createStopError, isStopped } from '../stop-error.ts';
import { createFileError, isMissing } from './file-error.ts';
import { parseGlob } from './glob.ts';
import { isSameFile, listFiles, type FoundFile } from './list-files.ts';
import { openDirectory } from './open-directory.ts';
import { requireAllowed, resolvePath } from './real-directory.ts';

const MAX_NAMES = 100;
/** How far the clock of who writes the files may be ahead of ours. */
const CLOCK_SKEW_MS = 3_600_000;

interface Selection {
  readonly [key: string]: Json;
  /** Real path. */
  readonly directory: string;
  readonly match: string;
  readonly recursive: boolean;
  readonly olderThanMs: number;
  readonly keepAtLeast: number;
}

/** A planned file as plain data: inode, size and time are too big for JSON's numbers. */
interface PlannedFile {
  readonly [key: string]: Json;
  readonly path: string;
  readonly inode: string;
  readonly modifiedNs: string;
  readonly bytes: string;
}

/** Deletes the oldest files of a directory. */
export const deleteOlder = defineRemediation({
  name: 'files.delete_older',
  summary: 'Deletes files of one directory by name and age, the oldest first, and always keeps the newest of them.',
  notes: [
    'Least privilege: reading, entering and writing the directory (`rwx`) for the user that remedyd runs as, and no sticky bit on it unless that user owns the files. The connection lists in `allow` the directories below which files may be deleted; without it none may. Where a path leads is decided after all symbolic links, and `..`, `.` and `//` in it are refused. A symbolic link on the way to a directory of `allow` has to belong to root or to that user.',
    'Only regular files are deleted: no folders, no symbolic links and nothing behind them. `*` and `?` in `match` do not match the dot that a name begins with; the values of `{{ }}` in it are literal text. `keep_at_least` counts files that match, however old they are, but neither empty ones, which failed backups leave, nor those that are more than an hour from the future: they are kept besides while they are young.',
    'The files of the plan are looked at again one by one just before they go: one that was written to or replaced meanwhile stays. On Linux they are reached through the open directory, so that a folder which is exchanged for a link leads nowhere else.',
    'A file that a program still has open frees its space only when that program closes it: rotate logs instead.',
  ].join('\n\n'),
  connection: 'files',
  params: {
    directory: { type: 'string', required: true, description: 'Absolute path of the directory, in `allow` or below it.' },
    match: {
      type: 'string',
      required: true,
      place: 'glob',
      description: 'Pattern for the names, with `*` and `?`: `dump-*.gz`.',
    },
    older_than: { type: 'duration', required: true, min: 60_000, description: 'By the time of modification; at least a minute.' },
    keep_at_least: { type: 'int', default: 1, min: 0, max: 100_000, description: 'So many of the newest that match stay.' },
    recursive: { type: 'bool', default: false, description: 'Whether to look into its folders, too, at most 16 deep.' },
    limit: { type: 'int', default: 100, min: 1, max: 1_000, description: 'The most files to delete; the rest is `remaining`.' },
  },
  outputs: {
    deleted: { type: 'int', description: 'Files that were deleted.' },
    freed_bytes: { type: 'bytes', description: 'Their sizes together.' },
    remaining: {
      type: 'int',
      description: 'Files that are old enough and were left, because of `limit` or because they changed.',
    },
    files: { type: 'list', description: 'Up to 100 of the deleted ones, below `directory`.' },
  },
  example: { deleted: 2, freed_bytes: 2_097_152, remaining: 0, files: ['dump-20261101.gz', 'dump-20261102.gz'] },
  effect: () => 'destructive',
  inDoubt: 'repeat',

  async plan(params, { connection, clock, signal }) {
    const selection: Selection = {
      directory: await resolveAllowed(connection, params.directory),
      match: params.match,
      recursive: params.recursive,
      olderThanMs: params.older_than,
      keepAtLeast: params.keep_at_least,
    };
    const old = await findOld(selection, clock.now(), signal);
    const planned = old.slice(0, params.limit);
    const bytes = planned.reduce((sum, file) => sum + file.bytes, 0n);
    const { directory, match, recursive, olderThanMs, keepAtLeast } = selection;
    return {
      summary: `delete ${planned.length} of ${old.length} files ${quoteLine(match)} in ${quoteLine(directory)} older than ${formatDuration(olderThanMs)}, ${bytes} bytes`,
      identity: {
        connection: connection.name,
        directory,
        match,
        recursive,
        older_than_ms: olderThanMs,
        keep_at_least: keepAtLeast,
        limit: params.limit,
      },
      touches: [`files:${directory}`],
      count: planned.length,
      data: { selection, files: planned.map(toPlanned) },
    };
  },

  async run({ data: { selection, files } }, { connection, clock, signal }) {
    const { directory } = selection;
    if ((await resolveAllowed(connection, directory)) !== directory) {
      const message = `"${quoteLine(directory)}" has become a link to another directory since the plan: nothing was deleted`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    // Found anew: others may have deleted newer files since, and then these are among those that stay.
    const old = await findOld(selection, clock.now(), signal);
    const planned = new Map(files.map((file) => [file.path, toFound(file)]));
    const deleted: FoundFile[] = [];
    for (const file of old) {
      const asPlanned = planned.get(file.path);
      if (asPlanned === undefined || !isSameFile(file, asPlanned)) continue;
      const happened = deleted.length > 0 ? 'unknown' : 'nothing';
      if (isStopped(signal)) {
        throw createStopError(signal, `deleting files in "${quoteLine(directory)}", ${deleted.length} so far,`, happened);
      }
      if (await deleteFile(directory, file, happened)) deleted.push(file);
    }
    return {
      deleted: deleted.length,
      freed_bytes: Number(deleted.reduce((sum, { bytes }) => sum + bytes, 0n)),
      remaining: old.length - deleted.length,
      files: deleted.slice(0, MAX_NAMES).map(({ path }) => path),
    };
  },
});

/** The real path of a directory that the connection allows. */
async function resolveAllowed(connection: FilesConnection, directory: string): Promise<string> {
  const real = await resolvePath(directory);
  await requireAllowed(connection, real);
  return real;
}

/** The files that may go, the oldest first. */
async function findOld(selection: Selection, now: number, signal: AbortSignal): Promise<readonly FoundFile[]> {
  const { directory, match, recursive, olderThanMs, keepAtLeast } = selection;
  const found = await listFiles({ directory, glob: parseGlob(match), isRecursive: recursive }, signal);
  const before = BigInt(Math.floor(now - olderThanMs)) * 1_000_000n;
  const isWorthKeeping = ({ bytes, modifiedNs }: FoundFile): boolean =>
    bytes > 0n && modifiedNs < BigInt(Math.floor(now) + CLOCK_SKEW_MS) * 1_000_000n;
  const kept = new Set(found.filter(isWorthKeeping).slice(0, keepAtLeast));
  return found.filter((file) => !kept.has(file) && file.modifiedNs < before).reverse();
}

/** Whether the file was deleted: one that is gone or has changed is left. */
async function deleteFile(directory: string, file: FoundFile, happened: 'nothing' | 'unknown'): Promise<boolean> {
  const path = join(directory, file.path);
  try {
    await using folder = await openDirectory(dirname(path));
    // Since the listing the folder may have become another one.
    if (folder.location !== dirname(path)) return false;
    const entry = folder.pathOf(basename(path));
    const stats = await lstat(entry, { bigint: true });
    if (!stats.isFile() || !isSameFile(file, { inode: stats.ino, modifiedNs: stats.mtimeNs, bytes: stats.size })) return false;
    await unlink(entry);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw createFileError(error, path, happened);
  }
}

function toPlanned({ path, inode, modifiedNs, bytes }: FoundFile): PlannedFile {
  return { path, inode: String(inode), modifiedNs: String(modifiedNs), bytes: String(bytes) };
}

function toFound({ path, inode, modifiedNs, bytes }: PlannedFile): FoundFile {
  return { path, inode: BigInt(inode), modifiedNs: BigInt(modifiedNs), bytes: BigInt(bytes) };
}
