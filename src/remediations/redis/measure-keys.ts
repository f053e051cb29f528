import { scanKeys } from './matching-keys.ts';
import type { RedisSession } from './redis-session.ts';

export interface MeasuredKey {
  readonly key: Buffer;
  readonly bytes: number;
}

/** Which keys to measure, at most `most`; `samples` elements of each. It ends when `hasTime` says no. */
export interface KeySample {
  readonly match: string;
  readonly most: number;
  readonly samples: number;
  readonly hasTime: () => boolean;
}

// Few enough not to keep other clients waiting: each takes microseconds.
const MEASURED_AT_ONCE = 50;
const SCANNED_AT_ONCE = 200;

/** Measures keys as SCAN names them, each once. `complete` says whether all that match were measured. */
export async function measureKeys(
  session: RedisSession,
  { match, most, samples, hasTime }: KeySample,
): Promise<{ keys: readonly MeasuredKey[]; complete: boolean }> {
  const seen = new Set<string>();
  const keys: MeasuredKey[] = [];
  for await (const page of scanKeys(session, { match, type: null, batch: SCANNED_AT_ONCE })) {
    if (!hasTime() || keys.length === most) return { keys, complete: false };
    const fresh = page.filter((key) => {
      const name = key.toString('latin1');
      return !seen.has(name) && seen.add(name);
    });
    for (let from = 0; from < fresh.length; from += MEASURED_AT_ONCE) {
      if (!hasTime() || keys.length === most) return { keys, complete: false };
      const some = fresh.slice(from, from + Math.min(MEASURED_AT_ONCE, most - keys.length));
      keys.push(...(await measure(session, some, samples)));
      if (keys.length === most && from + some.length < fresh.length) return { keys, complete: false };
    }
  }
  return { keys, complete: true };
}

async function measure(session: RedisSession, keys: readonly Buffer[], samples: number): Promise<MeasuredKey[]> {
  const sizes = await session.read((client) =>
    Promise.all(keys.map((key) => client.call('MEMORY', 'USAGE', key, 'SAMPLES', samples))),
  );
  return keys.flatMap((key, index) => {
    const bytes = sizes[index];
    // A key that is gone by now has no size.
    return typeof bytes === 'number' ? [{ key, bytes }] : [];
  });
}
