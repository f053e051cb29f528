import type { Clock } from '../../domain/clock.ts';
import type { Look } from '../../domain/remediation.ts';

/** An API server works on a request for at most 60 s (its `--request-timeout`); and ours was sent a moment after the step began. */
const MAY_LAND_MS = 70_000;
/** Between two looks at a change that is under way. */
export const LOOK_AGAIN_MS = 2_000;

/** What to think of a change that cannot be seen: its request may still be under way. */
export function notDoneYet(startedAt: number, clock: Clock): Look {
  const leftMs = startedAt + MAY_LAND_MS - clock.now();
  return leftMs > 0 ? { state: 'wait', ms: Math.min(leftMs, LOOK_AGAIN_MS) } : { state: 'not_done' };
}
