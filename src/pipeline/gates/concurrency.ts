import { PROCEED, type Gate } from './gate.ts';

const ESCALATE_AFTER_MS = 15 * 60_000;

/** Holds while as many runs are running as may. */
export const concurrency: Gate = {
  name: 'concurrency',
  forReads: true,
  overridable: true,
  forSchedules: 'wait',
  judge(_candidate, world, { limits }) {
    if (world.counts.running < limits.maxConcurrentRuns) return PROCEED;
    return {
      verdict: 'hold',
      detail: `${world.counts.running} runs are running (limit ${limits.maxConcurrentRuns})`,
      escalateAfterMs: ESCALATE_AFTER_MS,
    };
  },
};
