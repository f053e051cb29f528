import { isDeepStrictEqual } from 'node:util';

/** Whether two values are the same as JSON: mappings of a file have no prototype, which is no difference. */
export function isSameData(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
