import { PROCEED, type Gate } from './gate.ts';

/** Suppresses runs of a rule that only watches; a person's `retry` runs it for real. */
export const observeMode: Gate = {
  name: 'observe_mode',
  forReads: false,
  overridable: true,
  forSchedules: 'skip',
  judge({ run, rule }) {
    if (rule.mode !== 'observe' || run.trigger === 'retry') return PROCEED;
    return { verdict: 'suppress', detail: 'the rule is in mode observe: it watches and does not act' };
  },
};
