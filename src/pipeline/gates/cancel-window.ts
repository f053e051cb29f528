import { formatDuration } from '../../domain/duration.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds for `cancel_window` after the run was announced, so that a person can cancel it. */
export const cancelWindow: Gate = {
  name: 'cancel_window',
  forReads: false,
  overridable: true,
  judge({ run, rule }, _world, { now }) {
    const until = (run.announcedAt ?? now) + rule.cancelWindowMs;
    if (run.cancelWindowDone || until <= now) return PROCEED;
    return { verdict: 'hold', detail: `runs after ${formatDuration(rule.cancelWindowMs)} unless a person cancels it`, until };
  },
};
