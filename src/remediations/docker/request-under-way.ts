import type { Look } from '../../domain/remediation.ts';

/** A request is sent within this time after its step was journaled, or not at all; so `look` knows how long it may be under way. */
export const SEND_WITHIN_MS = 5_000;
/** What the engine may take besides a stop timeout, to kill a process and to start it again. */
const SLACK_MS = 15_000;
const LOOK_AGAIN_MS = 1_000;

/**
 * What `look` says of a change that cannot be seen: `wait` while the engine may still be at it, which goes on when its caller
 * has gone, then `not_done`. `takesMs` is what the change may take by itself.
 */
export function lookAgainUntilOver(startedAt: number, takesMs: number, now: number): Look {
  const leftMs = startedAt + SEND_WITHIN_MS + takesMs + SLACK_MS - now;
  return leftMs > 0 ? { state: 'wait', ms: Math.min(leftMs, LOOK_AGAIN_MS) } : { state: 'not_done' };
}
