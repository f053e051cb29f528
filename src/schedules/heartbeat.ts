import type { Clock } from '../domain/clock.ts';
import type { Store } from '../domain/store.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 5_000;

export interface HeartbeatDeps {
  readonly store: Pick<Store, 'beat'>;
  readonly clock: Clock;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Leaves a sign of life in the store, so that the next process knows how long there was none. */
export function createHeartbeat({ store, clock, onFault }: HeartbeatDeps): Loop {
  const work = async (): Promise<void> => {
    await store.beat(clock.now());
  };
  return new Loop({ name: 'heartbeat', everyMs: INTERVAL_MS, clock, work, onFault });
}
