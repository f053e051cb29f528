import { PROCEED, type Gate } from './gate.ts';

/** Holds everything while `remedyd pause` is on. */
export const paused: Gate = {
  name: 'paused',
  forReads: true,
  overridable: false,
  forSchedules: 'skip',
  judge(_candidate, world, { now }) {
    const { pausedAt, pausedUntil, pausedBy, pauseReason } = world.switches;
    if (pausedAt === null || (pausedUntil !== null && pausedUntil <= now)) return PROCEED;
    const detail = `paused by ${pausedBy ?? 'nobody known'}${pauseReason === null ? '' : `: ${pauseReason}`}`;
    return pausedUntil === null ? { verdict: 'hold', detail } : { verdict: 'hold', detail, until: pausedUntil };
  },
};
