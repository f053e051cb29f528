import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StepError } from '../domain/remediation.ts';
import { describeError } from './describe-error.ts';

/** As in Linux: more links than this are taken for a circle. */
const MOST_LINKS = 40;
const GONE = ['ENOENT', 'ENOTDIR'];

/**
 * Where a directory of the configuration really is; `undefined` when there is none. Symbolic links on the way count only when
 * they belong to root or to our own user: whoever else could make one would choose what is allowed (`not_allowed`). Throws
 * Node's errors.
 */
export async function resolveConfiguredDirectory(path: string): Promise<string | undefined> {
  let place = '/';
  let names = path.split('/');
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = join(place, name);
    const stats = await lstat(next).catch(undefinedWhenGone);
    if (stats === undefined) return undefined;
    if (!stats.isSymbolicLink()) {
      place = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) return undefined;
    requireTrusted(path, next, stats.uid);
    const target = await readlink(next);
    names = [...target.split('/'), ...names];
    if (target.startsWith('/')) place = '/';
  }
  return place;
}

function requireTrusted(path: string, link: string, owner: number): void {
  if (owner === 0 || owner === process.geteuid?.()) return;
  const message = `${JSON.stringify(link)} is a symbolic link that belongs to neither root nor remedyd's user, so ${JSON.stringify(path)} of the configuration allows nothing: write the real path there`;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}

function undefinedWhenGone(error: unknown): undefined {
  if (GONE.includes(describeError(error).code)) return undefined;
  throw error;
}
