import { formatDuration } from '../../domain/duration.ts';
import { actingTimesOn } from './history.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds when the target was acted on as often as one of the rule's limits allows, by any rule or person. */
export const rateLimited: Gate = {
  name: 'rate_limited',
  forReads: false,
  overridable: true,
  judge({ run, rule }, world, { now }) {
    let until = 0;
    let detail = '';
    for (const rate of rule.safety.maxRuns) {
      const times = actingTimesOn(world, run, now - rate.windowMs);
      if (times.length < rate.count) continue;
      // The run may go when so few are left in the window that one more fits.
      const free = (times[times.length - rate.count] ?? now) + rate.windowMs;
      if (free <= until) continue;
      until = free;
      detail = `${times.length} acting runs on ${run.target} in ${formatDuration(rate.windowMs)} (limit ${rate.count})`;
    }
    return until === 0 ? PROCEED : { verdict: 'hold', detail, until, escalateAfterMs: 0 };
  },
};
