import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { problemAtStart, readYamlFile } from '../schema/yaml-file.ts';
import type { YamlResult } from '../schema/yaml-file.ts';

/** A rule file's path, or why there is none. */
type FoundFile = { readonly path: string } | { readonly fault: string; readonly path: string };

/**
 * Reads the rule files at paths, in their order: a file as it is, of a folder all `*.yml` and `*.yaml` below it by name, except rule
 * tests (`*.test.yml`). Paths are relative to `root`, and shown so. What cannot be read is a problem. Never throws.
 */
export async function readRuleFiles(paths: readonly string[], root = process.cwd()): Promise<readonly YamlResult[]> {
  const found = (await Promise.all(paths.map((path) => findRuleFiles(resolve(root, path))))).flat();
  const places = found.map((file) => file.path);
  // A file that is named and stands in a folder that is named too is read once.
  const once = found.filter((file, index) => places.indexOf(file.path) === index);
  return Promise.all(once.map((file) => readFound(file, root)));
}

async function readFound(file: FoundFile, root: string): Promise<YamlResult> {
  const shown = relative(root, file.path);
  const name = shown === '' || shown.startsWith('..') ? file.path : shown;
  if ('fault' in file) return { problems: [problemAtStart(name, file.fault)] };
  return readYamlFile(file.path, name);
}

async function findRuleFiles(path: string): Promise<readonly FoundFile[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [{ path }];
    // Names that start with a dot are the editor's, or the timestamped folders of a Kubernetes ConfigMap.
    const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
    const found = await Promise.all(names.map((name) => findInFolder(join(path, name))));
    return found.flat();
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    return [{ path, fault: `cannot be read (${code})` }];
  }
}

async function findInFolder(path: string): Promise<readonly FoundFile[]> {
  if ((await stat(path)).isDirectory()) return findRuleFiles(path);
  return isRuleFile(path) ? [{ path }] : [];
}

/** Whether a file in a folder of rules holds rules. */
function isRuleFile(path: string): boolean {
  return /\.ya?ml$/.test(path) && !/\.test\.ya?ml$/.test(path);
}
