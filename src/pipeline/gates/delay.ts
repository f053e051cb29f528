import { formatDuration } from '../../domain/duration.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds for `delay` after the line's first message, so that it may recover by itself. */
export const delay: Gate = {
  name: 'delay',
  forReads: false,
  overridable: true,
  judge({ run, rule }, _world, { now }) {
    const until = run.delayFrom + rule.delayMs;
    if (run.delayDone || until <= now) return PROCEED;
    return { verdict: 'hold', detail: `waits ${formatDuration(rule.delayMs)} for it to recover by itself`, until };
  },
};
