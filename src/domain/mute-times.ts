import type { MuteTimes } from './rule.ts';
import { firstInstant } from './time-interval.ts';
import type { TimeInterval } from './time-interval.ts';

/** How far ahead an unmuted minute is looked for: a year and the longest month. */
const SEARCH_MS = 400 * 86_400_000;

/** A time interval of the configuration: a name for one or several of Alertmanager's intervals. */
export interface NamedIntervals {
  readonly name: string;
  readonly intervals: readonly TimeInterval[];
  /** How long before it mutes automation people are told; 0: never. */
  readonly announceMs?: number;
}

/** When automation is muted: inside any of the `mute` intervals, or, if there are `active` ones, outside all of those. */
export function createMuteTimes(mute: readonly NamedIntervals[], active: readonly NamedIntervals[]): MuteTimes {
  const isMuted = (at: number): boolean => containsInstant(mute, at) || (active.length > 0 && !containsInstant(active, at));
  const intervals = [...mute, ...active].flatMap((named) => named.intervals);
  return { isMuted, unmutedAt: (at) => firstInstant(at, intervals, (instant) => !isMuted(instant), SEARCH_MS) };
}

/** Whether an instant (epoch milliseconds) is in any of these. */
export function containsInstant(named: readonly NamedIntervals[], at: number): boolean {
  return named.some(({ intervals }) => intervals.some((interval) => interval.contains(at)));
}
