import { PROCEED, type Gate } from './gate.ts';

const LONGEST_HOLD_MS = 3_600_000;

/** Holds while too many alerts or too many repairs happen at once. */
export const storm: Gate = {
  name: 'storm',
  forReads: false,
  overridable: true,
  approvable: true,
  judge(_candidate, world, { limits }) {
    const { newEpisodes, actingRuns } = world.counts;
    const isStorm = world.switches.stormSince !== null || newEpisodes > limits.storm.count || actingRuns >= limits.maxRuns.count;
    if (!isStorm) return PROCEED;
    const detail = `${newEpisodes} new alerts (limit ${limits.storm.count}) and ${actingRuns} acting runs (limit ${limits.maxRuns.count}) in their windows`;
    return { verdict: 'hold', detail, escalateAfterMs: LONGEST_HOLD_MS };
  },
};
