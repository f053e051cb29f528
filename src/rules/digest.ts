import { createHash } from 'node:crypto';
import type { Json } from '../domain/json.ts';

/** Digests of data that does not change. An object that many rules share is digested once. */
export class Digester {
  readonly #known = new WeakMap<object, string>();

  /** sha256 of a value, whatever the order of its keys. */
  digest(value: Json): string {
    if (typeof value !== 'object' || value === null) return sha256(JSON.stringify(value));
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const digest = sha256(canonicalJson(value));
    this.#known.set(value, digest);
    return digest;
  }
}

/** sha256 of a text, in hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON with the keys of every object in order. */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = Object.keys(value)
    .sort()
    .flatMap((key) => {
      const entry = value[key];
      return entry === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(entry)}`];
    });
  return `{${entries.join(',')}}`;
}

// Array.isArray does not narrow a readonly array.
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
