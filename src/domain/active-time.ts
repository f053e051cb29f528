import { containsInstant } from './mute-times.ts';
import type { NamedIntervals } from './mute-times.ts';
import { firstInstant } from './time-interval.ts';

/** How far ahead active time is looked for: a year and the longest month. */
const SEARCH_MS = 400 * 86_400_000;

/**
 * The instant at which `afterMs` active milliseconds have passed since `from` (both epoch milliseconds, or a length of it). Time is active
 * inside of any of the intervals, or always when there are none; with 0, it is the first active instant. Where no active time comes
 * within 400 days of `from`, the clock runs on as if all time were active: what is promised is late rather than forgotten.
 */
export function dueInActiveTime(from: number, afterMs: number, active: readonly NamedIntervals[]): number {
  if (active.length === 0) return from + afterMs;
  const intervals = active.flatMap((named) => named.intervals);
  const isActive = (at: number): boolean => containsInstant(active, at);
  const horizon = from + SEARCH_MS;
  let at = from;
  let left = afterMs;
  while (at < horizon) {
    const start = firstInstant(at, intervals, isActive, horizon - at);
    if (start === undefined || start >= horizon) break;
    const end = firstInstant(start, intervals, (instant) => !isActive(instant), Math.min(left, horizon - start));
    if (end === undefined || end - start >= left) return start + left;
    left -= end - start;
    at = end;
  }
  return at + left;
}

/** Whether any time within 400 days of `from` (epoch milliseconds) is in one of these. */
export function hasActiveTime(from: number, active: readonly NamedIntervals[]): boolean {
  const intervals = active.flatMap((named) => named.intervals);
  return firstInstant(from, intervals, (at) => containsInstant(active, at), SEARCH_MS) !== undefined;
}
