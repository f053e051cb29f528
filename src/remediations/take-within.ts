import type { Json } from '../domain/json.ts';

/**
 * The first `most` items that have at most `mostBytes` together as JSON. One that does not fit is left out as a whole: a name that
 * was cut would be another name, and a huge one must not hide those behind it.
 */
export function takeWithin<T extends Json>(items: readonly T[], most: number, mostBytes: number): readonly T[] {
  const taken: T[] = [];
  let left = mostBytes;
  for (const item of items) {
    if (taken.length === most) break;
    const bytes = Buffer.byteLength(JSON.stringify(item));
    if (bytes > left) continue;
    taken.push(item);
    left -= bytes;
  }
  return taken;
}
