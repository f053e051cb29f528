import { constants } from 'node:fs';
import { access, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A directory that is held open: what is reached through it is in this directory, even if its path leads elsewhere by now. */
export interface OpenDirectory extends AsyncDisposable {
  /** A path to an entry of the directory, for calls of the file system. */
  pathOf(name: string): string;
  /** Where the directory is now. */
  readonly location: string;
}

/**
 * Opens a directory itself, never what a symbolic link at its path points to; throws Node's errors. Node has no calls relative to an open
 * directory; on Linux, paths through /proc/self/fd are just that. Elsewhere the path is what is left.
 */
export async function openDirectory(path: string): Promise<OpenDirectory> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const link = `/proc/self/fd/${handle.fd}`;
    const hasLink = await access(link).then(
      () => true,
      () => false,
    );
    return {
      pathOf: (name) => join(hasLink ? link : path, name),
      location: hasLink ? await readlink(link) : path,
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
