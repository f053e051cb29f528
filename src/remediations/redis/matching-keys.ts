import { createHash } from 'node:crypto';
import type { RedisSession } from './redis-session.ts';

/** Shorter than what stands for a longer one. */
const LONGEST_WHOLE_KEY = 64;

/** Which keys are meant. `match` is a glob as SCAN takes it, `type` as TYPE prints it. */
export interface KeySelection {
  readonly match: string;
  readonly type: string | null;
  /** How many keys the server looks at in one go. */
  readonly batch: number;
}

/**
 * Walks the whole database, page by page. Keys that are there all the time come at least once, perhaps twice; they are
 * bytes, since a name need not be text. https://redis.io/docs/latest/commands/scan/#scan-guarantees
 */
export async function* scanKeys(session: RedisSession, { match, type, batch }: KeySelection): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  do {
    const from = cursor;
    const [next, keys] = await session.read((client) =>
      type === null
        ? client.scanBuffer(from, 'MATCH', match, 'COUNT', batch)
        : client.scanBuffer(from, 'MATCH', match, 'COUNT', batch, 'TYPE', type),
    );
    yield keys;
    cursor = next.toString();
  } while (cursor !== '0');
}

/** How many keys match; stops looking at `most`. */
export async function countKeys(session: RedisSession, selection: KeySelection, most: number): Promise<number> {
  const seen = new Set<string>();
  for await (const page of scanKeys(session, selection)) {
    addKeys(seen, page, most);
    if (seen.size === most) break;
  }
  return seen.size;
}

/**
 * Deletes matching keys, at most `most`. `deleted` is what the server says it deleted; `remaining` counts those that were
 * left because of `most`, up to `countUpTo`.
 */
export async function deleteKeys(
  session: RedisSession,
  selection: KeySelection,
  most: number,
  countUpTo: number,
): Promise<{ deleted: number; remaining: number }> {
  let deleted = 0;
  const left = new Set<string>();
  for await (const page of scanKeys(session, selection)) {
    const chosen = page.slice(0, most - deleted);
    if (chosen.length > 0) deleted += await session.change((client) => client.unlink(...chosen));
    addKeys(left, page.slice(chosen.length), countUpTo);
    if (left.size === countUpTo) break;
  }
  return { deleted, remaining: left.size };
}

function addKeys(keys: Set<string>, page: readonly Buffer[], most: number): void {
  for (const key of page) {
    if (keys.size < most) keys.add(shortKey(key));
  }
}

/** Tells keys apart, in a text that is short however long the key is: one may have half a gigabyte. */
export function shortKey(key: Buffer): string {
  if (key.length <= LONGEST_WHOLE_KEY) return key.toString('latin1');
  return `#${createHash('sha256').update(key).digest('hex')}`;
}
