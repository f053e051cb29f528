import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Problem } from '../schema/problem.ts';
import { schemasAt } from '../schema/schema-at.ts';
import { isSecretSchema } from '../schema/secret-text.ts';
import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';
import type { Substituted } from './environment.ts';

const SUFFIX = '_file';
const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Replaces every `KEY_file` that stands beside a secret `KEY` by the content of the file (without the line break at its end). Relative
 * paths count from `directory`. Of a list of secrets the file has one a line.
 */
export async function readSecretFiles(
  yaml: YamlFile,
  schema: z.core.$ZodType,
  value: unknown,
  directory: string,
): Promise<Substituted> {
  const problems: Problem[] = [];
  const replace = async (given: unknown, path: YamlPath): Promise<unknown> => {
    if (Array.isArray(given)) return Promise.all(given.map((item, index) => replace(item, [...path, index])));
    if (typeof given !== 'object' || given === null) return given;
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [key, item] of Object.entries(given)) {
      const secret = key.endsWith(SUFFIX) ? key.slice(0, -SUFFIX.length) : '';
      const kind = secret === '' ? undefined : kindOfSecret(schema, [...path, secret]);
      if (kind === undefined || typeof item !== 'string') {
        copy[key] = await replace(item, [...path, key]);
      } else if (Object.hasOwn(given, secret)) {
        problems.push(yaml.problem([...path, key], `give '${secret}' or '${key}', not both`, { at: 'key' }));
      } else {
        const content = await readSecret(resolve(directory, item));
        if ('fault' in content) problems.push(yaml.problem([...path, key], `${JSON.stringify(item)} ${content.fault}`));
        // After a fault the configuration is refused anyway; a stand-in keeps the key from being called missing as well.
        const text = 'fault' in content ? 'unreadable' : content.text;
        copy[secret] = kind === 'list' ? text.split(/\r?\n/).filter((line) => line.trim() !== '') : text;
      }
    }
    return copy;
  };
  return { value: await replace(value, []), problems, unresolved: [] };
}

function kindOfSecret(schema: z.core.$ZodType, path: YamlPath): 'single' | 'list' | undefined {
  if (schemasAt(schema, path).some(isSecretSchema)) return 'single';
  return schemasAt(schema, [...path, 0]).some(isSecretSchema) ? 'list' : undefined;
}

async function readSecret(path: string): Promise<{ readonly text: string } | { readonly fault: string }> {
  try {
    const { size } = await stat(path);
    if (size > MAX_SECRET_BYTES) return { fault: `has ${size} bytes; a secret has at most ${MAX_SECRET_BYTES}` };
    const text = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    return text.trim() === '' ? { fault: 'is empty; put the secret into it' } : { text };
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    return { fault: `cannot be read (${code})` };
  }
}
