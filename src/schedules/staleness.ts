import type { Clock } from '../domain/clock.ts';
import type { Store } from '../domain/store.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 10 * 60_000;
/** How many alerts one event closes. */
const BATCH = 500;

export interface StalenessDeps {
  readonly store: Pick<Store, 'firingSince'>;
  readonly pipeline: Pick<Pipeline, 'apply'>;
  readonly clock: Clock;
  /** `limits.stale_after`. */
  readonly staleAfterMs: () => number;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Closes alerts that nobody has spoken of for too long: as stale, never as fixed. */
export function createStaleness({ store, pipeline, clock, staleAfterMs, onFault }: StalenessDeps): Loop {
  const work = async (signal: AbortSignal): Promise<void> => {
    const seenBefore = clock.now() - staleAfterMs();
    let before: string | undefined;
    while (!signal.aborted) {
      const episodes = await store.firingSince(seenBefore, BATCH);
      const [first] = episodes;
      // A batch that begins as the one before it was not closed: asking again would not end.
      if (first === undefined || first.id === before) return;
      before = first.id;
      await pipeline.apply({ kind: 'stale', alertKeys: episodes.map((episode) => episode.alertKey) });
    }
  };
  return new Loop({ name: 'staleness', everyMs: INTERVAL_MS, clock, work, onFault });
}
