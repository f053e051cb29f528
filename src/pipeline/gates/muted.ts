import { PROCEED, type Gate } from './gate.ts';

/** Holds while a mute time interval is on, or outside the active ones. */
export const muted: Gate = {
  name: 'muted',
  forReads: false,
  overridable: true,
  judge({ rule }, _world, { now }) {
    if (!rule.muteTimes.isMuted(now)) return PROCEED;
    const until = rule.muteTimes.unmutedAt(now);
    if (until === undefined) return { verdict: 'hold', detail: 'muted, with no end within a year' };
    return { verdict: 'hold', detail: `muted until ${new Date(until).toISOString()}`, until };
  },
};
