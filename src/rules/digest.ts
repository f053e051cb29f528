import { createHash } from 'node:crypto';

/** Digests of data that does not change. An object that many rules share is digested once. */
export class Digester {
  readonly #known = new WeakMap<object, string>();

  /** sha256 of a value, whatever the order of its keys. */
  digest(value: unknown): string {
    if (typeof value !== 'object' || value === null) return sha256(canonicalJson(value));
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

/** JSON with the keys of every object in order. What is undefined is left out, as in JSON. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? 'null' : JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, entry]) => entry !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
}
