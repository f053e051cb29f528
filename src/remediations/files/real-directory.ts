import { realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { FilesConnection } from '../../domain/connection.ts';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { resolveConfiguredDirectory } from '../resolve-configured-directory.ts';
import { createFileError } from './file-error.ts';

/**
 * Where an absolute path really is, after all symbolic links. Refuses (`invalid_value`) `..`, `.` and empty names in it, whatever
 * they lead to: as the value of a label behind a directory, they would make a step act on that directory itself or above it.
 */
export async function resolvePath(path: string): Promise<string> {
  const names = path.replace(/\/$/, '').split('/').slice(1);
  if (!isAbsolute(path) || path.includes('\0') || names.some((name) => ['', '.', '..'].includes(name))) {
    const message = `"${quoteLine(path)}" is not an absolute path without .., . and // in it`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  try {
    return await realpath(path);
  } catch (error) {
    throw createFileError(error, path);
  }
}

/** Refuses (`not_allowed`) a real path that is neither a directory of the connection's `allow` nor below one. */
export async function requireAllowed(connection: FilesConnection, realDirectory: string): Promise<void> {
  for (const allowed of connection.allow) {
    const root = await realRoot(allowed);
    if (root !== undefined && (realDirectory === root || realDirectory.startsWith(`${root.replace(/\/$/, '')}/`))) return;
  }
  const message = `"${quoteLine(realDirectory)}" is not below a directory in \`allow\` of the files connection "${connection.name}"`;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}

async function realRoot(allowed: string): Promise<string | undefined> {
  try {
    // A directory that does not exist allows nothing.
    return await resolveConfiguredDirectory(allowed);
  } catch (error) {
    throw createFileError(error, allowed);
  }
}
