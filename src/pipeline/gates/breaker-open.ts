import { PROCEED, type Gate } from './gate.ts';

/** Holds when the rule failed too often, until a person re-arms it. */
export const breakerOpen: Gate = {
  name: 'breaker_open',
  forReads: false,
  overridable: true,
  forSchedules: 'skip',
  judge({ rule }, world) {
    const breaker = world.breaker(rule.name);
    if (breaker?.openedAt == null) return PROCEED;
    return {
      verdict: 'hold',
      detail: `the rule's breaker opened at ${new Date(breaker.openedAt).toISOString()}; re-arm it with: remedyd breaker rearm ${rule.name}`,
      escalateAfterMs: 0,
    };
  },
};
