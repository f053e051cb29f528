import { firstInstant } from './time-interval.ts';
import type { TimeInterval } from './time-interval.ts';

/** What people hear of a maintenance window, in this order. */
export const WINDOW_PHASES = ['announced', 'begun', 'ended'] as const;
export type WindowPhase = (typeof WINDOW_PHASES)[number];

/** What people were told last: of the window that ends then (epoch ms; `NO_END` for one without an end within a year). */
export interface WindowTold {
  readonly endAt: number;
  readonly phase: WindowPhase;
}

export interface WindowNews extends WindowTold {
  readonly beginAt: number;
}

export interface WindowLook {
  /** What to tell now, in order. */
  readonly news: readonly WindowNews[];
  readonly told: WindowTold | null;
  /** When to look again (epoch ms). */
  readonly nextAt: number;
}

/** The end of a window that has none within a year. */
export const NO_END = 0;

const DAY_MS = 86_400_000;
/** How far ahead a window and its end are looked for: a year and the longest month. */
const AHEAD_MS = 400 * DAY_MS;
/** How far back the begin of a window is looked for; of a longer one this is all that is known. */
const BEHIND_MS = 35 * DAY_MS;
/** An end that is older is no news any more. */
const STALE_MS = DAY_MS;

/**
 * What people have to hear of the windows of an interval at an instant: that one comes, `announceMs` before it begins, that it has
 * begun, and that it is over. A window that begins less than `announceMs` after the one before it is routine, and no news.
 */
export function lookAtWindows(interval: TimeInterval, announceMs: number, told: WindowTold | null, now: number): WindowLook {
  const isOn = (at: number): boolean => interval.contains(at);
  const endOf = (at: number): number => firstInstant(at, [interval], (instant) => !isOn(instant), AHEAD_MS) ?? NO_END;
  const isNews = (beginAt: number): boolean => {
    const before = firstInstant(beginAt - announceMs, [interval], isOn, announceMs);
    return before === undefined || before >= beginAt;
  };
  if (isOn(now)) {
    const endAt = endOf(now);
    const nextAt = endAt === NO_END ? now + DAY_MS : endAt;
    const isAnnounced = told?.endAt === endAt && told.phase === 'announced';
    if (told?.endAt === endAt && !isAnnounced) return { news: [], told, nextAt };
    const beginAt = beginOf(interval, now);
    if (!isAnnounced && !isNews(beginAt)) return { news: [], told: null, nextAt };
    return { news: [{ beginAt, endAt, phase: 'begun' }], told: { endAt, phase: 'begun' }, nextAt };
  }
  const isOver = told?.phase === 'begun' && told.endAt !== NO_END && told.endAt <= now && now - told.endAt < STALE_MS;
  const over: readonly WindowNews[] = isOver ? [{ beginAt: told.endAt, endAt: told.endAt, phase: 'ended' }] : [];
  const toldOfEnd: WindowTold | null = isOver ? { endAt: told.endAt, phase: 'ended' } : told;
  const beginAt = firstInstant(now, [interval], isOn, AHEAD_MS);
  if (beginAt === undefined) return { news: over, told: toldOfEnd, nextAt: now + DAY_MS };
  const endAt = endOf(beginAt);
  const isAnnounced = told?.endAt === endAt && told.phase === 'announced';
  if (isAnnounced || !isNews(beginAt)) return { news: over, told: toldOfEnd, nextAt: beginAt };
  if (now < beginAt - announceMs) return { news: over, told: toldOfEnd, nextAt: beginAt - announceMs };
  return { news: [...over, { beginAt, endAt, phase: 'announced' }], told: { endAt, phase: 'announced' }, nextAt: beginAt };
}

/** When the window that is on began. */
function beginOf(interval: TimeInterval, now: number): number {
  let begin = now - BEHIND_MS;
  for (let at = begin; at <= now; at = interval.nextBoundary(at)) if (!interval.contains(at)) begin = interval.nextBoundary(at);
  return begin;
}
