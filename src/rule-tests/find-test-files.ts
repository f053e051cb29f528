import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/**
 * The files of rule tests at a path: a file as it is, of a folder all `*.test.yml` and `*.test.yaml` below it by name. Throws what the
 * file system says.
 */
export async function findTestFiles(path: string): Promise<readonly string[]> {
  const full = resolve(path);
  if (!(await stat(full)).isDirectory()) return [full];
  const names = (await readdir(full)).filter((name) => !name.startsWith('.') && name !== 'node_modules').sort();
  const found = await Promise.all(names.map((name) => findBelow(join(full, name))));
  return found.flat();
}

async function findBelow(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isDirectory()) return findTestFiles(path);
  return /\.test\.ya?ml$/.test(path) ? [path] : [];
}
