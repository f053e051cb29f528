import type { Clock } from '../domain/clock.ts';
import type { Store } from '../domain/store.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 3_600_000;
/** How many rows one transaction deletes, so that webhooks do not wait for it. */
const BATCH = 1_000;

export interface RetentionDeps {
  readonly store: Pick<Store, 'prune'>;
  readonly clock: Clock;
  /** `store.retention`. */
  readonly retentionMs: () => number;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Deletes what is older than the retention, in small pieces. */
export function createRetention({ store, clock, retentionMs, onFault }: RetentionDeps): Loop {
  const work = async (signal: AbortSignal): Promise<void> => {
    const before = clock.now() - retentionMs();
    while (!signal.aborted && (await store.prune(before, BATCH)) > 0);
  };
  return new Loop({ name: 'retention', everyMs: INTERVAL_MS, clock, work, onFault });
}
