import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { StepError } from '../domain/remediation.ts';
import { resolveConfiguredDirectory } from './resolve-configured-directory.ts';

/**
 * The real path of `directory`, which has to be one of `allowed` or below one, symbolic links followed on both sides.
 * `what` names the connection in errors: `not_allowed`, or `not_found` when there is no such directory.
 */
export async function resolveBackupDirectory(directory: string, allowed: readonly string[], what: string): Promise<string> {
  const path = await realPathOf(directory);
  if (path === undefined) {
    throw new StepError('not_found', `${what}: there is no directory ${JSON.stringify(directory)}; create it first`, {
      happened: 'nothing',
    });
  }
  for (const parent of allowed) {
    const real = await resolveConfiguredDirectory(parent).catch(undefinedUnlessRefused);
    if (real !== undefined && (path === real || path.startsWith(real.endsWith(sep) ? real : `${real}${sep}`))) return path;
  }
  throw new StepError(
    'not_allowed',
    `${what}: ${JSON.stringify(directory)} is not below a directory that its connection names in backup_directories`,
    { happened: 'nothing' },
  );
}

async function realPathOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined;
  }
}

/** What cannot be read allows nothing. */
function undefinedUnlessRefused(error: unknown): undefined {
  if (error instanceof StepError) throw error;
  return undefined;
}
