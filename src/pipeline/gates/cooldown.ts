import { formatDuration } from '../../domain/duration.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds until enough time has passed since the end of the last acting run on the target, by any rule. */
export const cooldown: Gate = {
  name: 'cooldown',
  forReads: false,
  overridable: true,
  judge({ run, rule }, world, { now }) {
    const ends = world
      .briefs()
      .filter((other) => other.id !== run.id && other.target === run.target && other.actingAt !== null)
      .map((other) => other.endedAt ?? 0);
    const until = Math.max(0, ...ends) + rule.safety.cooldownMs;
    if (until <= now) return PROCEED;
    return {
      verdict: 'hold',
      detail: `${run.target} was acted on ${formatDuration(now - (until - rule.safety.cooldownMs))} ago (cooldown ${formatDuration(rule.safety.cooldownMs)})`,
      until,
    };
  },
};
