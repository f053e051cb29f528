import { scanKeys, shortKey } from './matching-keys.ts';
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
  /** How many of the biggest are kept: the names of all together may be too large for our memory. */
  readonly kept: number;
  readonly hasTime: () => boolean;
}

export interface MeasuredSample {
  /** The biggest first. */
  readonly biggest: readonly MeasuredKey[];
  readonly sampled: number;
  readonly bytes: number;
  /** Whether all that match were measured. */
  readonly complete: boolean;
}

// Few enough not to keep other clients waiting: each takes microseconds.
const MEASURED_AT_ONCE = 50;
const SCANNED_AT_ONCE = 200;

/** Measures keys as SCAN names them, each once. */
export async function measureKeys(
  session: RedisSession,
  { match, most, samples, kept, hasTime }: KeySample,
): Promise<MeasuredSample> {
  const seen = new Set<string>();
  let biggest: readonly MeasuredKey[] = [];
  let sampled = 0;
  let bytes = 0;
  const result = (complete: boolean): MeasuredSample => ({ biggest, sampled, bytes, complete });
  for await (const page of scanKeys(session, { match, type: null, batch: SCANNED_AT_ONCE })) {
    if (!hasTime() || sampled === most) return result(false);
    const fresh = page.filter((key) => {
      const name = shortKey(key);
      return !seen.has(name) && seen.add(name);
    });
    for (let from = 0; from < fresh.length; from += MEASURED_AT_ONCE) {
      if (!hasTime() || sampled === most) return result(false);
      const some = fresh.slice(from, from + Math.min(MEASURED_AT_ONCE, most - sampled));
      const measured = await measure(session, some, samples);
      sampled += measured.length;
      bytes += measured.reduce((sum, one) => sum + one.bytes, 0);
      biggest = [...biggest, ...measured].sort((one, other) => other.bytes - one.bytes).slice(0, kept);
      if (sampled === most && from + some.length < fresh.length) return result(false);
    }
  }
  return result(true);
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
