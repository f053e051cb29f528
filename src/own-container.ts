import { readFile } from 'node:fs/promises';

/**
 * The id of the container that this process runs in, if any: the engine mounts files of
 * `/var/lib/docker/containers/ID/` into it. Remediations refuse to touch that container.
 */
export async function findOwnContainerId(path = '/proc/self/mountinfo'): Promise<string | undefined> {
  try {
    return /\/containers\/([0-9a-f]{64})\//.exec(await readFile(path, 'utf8'))?.[1];
  } catch {
    // Not Linux, or no /proc: then there is no container to find either.
    return undefined;
  }
}
