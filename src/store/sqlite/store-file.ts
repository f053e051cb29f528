import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StoreUnavailableError } from '../../domain/store.ts';
import { describeFailure } from './failure.ts';
import { findNetworkFileSystem } from './network-file-system.ts';

const MOUNT_INFO = '/proc/self/mountinfo';

/** The places of a store on disk, with no symbolic link in them: two names of one file must lead to one lock. */
export interface StoreFile {
  readonly path: string;
  readonly lockPath: string;
}

/** Makes the directory (0700) where there is none, and refuses network file systems. Throws `StoreUnavailableError`. */
export function locateStoreFile(path: string): StoreFile {
  return explain(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const real = existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
    const type = existsSync(MOUNT_INFO) ? findNetworkFileSystem(dirname(real), readFileSync(MOUNT_INFO, 'utf8')) : undefined;
    if (type !== undefined) {
      throw new StoreUnavailableError(
        'io',
        `store ${path}: it is on a network file system (${type}), where SQLite is not safe: use a local disk`,
      );
    }
    return { path: real, lockPath: `${real}.lock` };
  });
}

/** Makes an empty file for this user only (0600), and makes its name durable. Does not open one that exists. */
export function createStoreFile(path: string): void {
  explain(path, () => {
    if (existsSync(path)) return;
    closeSync(openSync(path, 'wx', 0o600));
    const directory = openSync(dirname(path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  });
}

function explain<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof StoreUnavailableError) throw cause;
    const { message, systemCode } = describeFailure(cause);
    throw new StoreUnavailableError(systemCode === 'ENOSPC' ? 'full' : 'io', `store ${path}: cannot be opened: ${message}`, {
      cause,
    });
  }
}
