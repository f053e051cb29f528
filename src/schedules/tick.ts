import type { Clock } from '../domain/clock.ts';
import type { Store } from '../domain/store.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { Loop } from './loop.ts';

/** How often it looks. */
export const TICK_INTERVAL_MS = 5_000;

export interface TickDeps {
  readonly store: Pick<Store, 'counts' | 'switches'>;
  readonly pipeline: Pick<Pipeline, 'apply'>;
  readonly clock: Clock;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Has the pipeline look at pauses, storms and holds whose end no event announces; writes nothing while there are none. */
export function createTick({ store, pipeline, clock, onFault }: TickDeps): Loop {
  const work = async (): Promise<void> => {
    const [counts, switches] = await Promise.all([store.counts(), store.switches()]);
    const isHolding = counts.runsHeld.some((held) => held.count > 0);
    if (isHolding || switches.pausedAt !== null || switches.stormSince !== null) await pipeline.apply({ kind: 'tick' });
  };
  return new Loop({ name: 'tick', everyMs: TICK_INTERVAL_MS, clock, work, onFault });
}
