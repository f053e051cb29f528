import { hasActiveTime } from '../domain/active-time.ts';
import type { NamedIntervals } from '../domain/mute-times.ts';

/** Why a clock that runs in these intervals only would stand still; `undefined` when it would not. */
export function activeTimeFault(intervals: readonly NamedIntervals[], now: number): string | undefined {
  if (intervals.length === 0 || hasActiveTime(now, intervals)) return undefined;
  return 'no time within the next year is in these intervals; people are called as if they were not written';
}
