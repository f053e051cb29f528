import { PROCEED, type Gate } from './gate.ts';

/** Intervals that end some day must not hold a run for ever. */
const LOOK_AGAIN_MS = 24 * 3_600_000;

/** Holds while a mute time interval is on, or outside the active ones. */
export const muted: Gate = {
  name: 'muted',
  forReads: false,
  overridable: true,
  forSchedules: 'skip',
  judge({ rule }, _world, { now }) {
    if (!rule.muteTimes.isMuted(now)) return PROCEED;
    const until = rule.muteTimes.unmutedAt(now);
    if (until === undefined) return { verdict: 'hold', detail: 'muted, with no end within a year', until: now + LOOK_AGAIN_MS };
    return { verdict: 'hold', detail: `muted until ${new Date(until).toISOString()}`, until };
  },
};
