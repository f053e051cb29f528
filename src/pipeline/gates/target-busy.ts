import { targetKey } from '../claims.ts';
import { PROCEED, type Gate } from './gate.ts';

const ESCALATE_AFTER_MS = 30 * 60_000;

/** Holds while another run has the target, or an interrupted one left it in quarantine. */
export const targetBusy: Gate = {
  name: 'target_busy',
  forReads: true,
  overridable: false,
  judge({ run }, world) {
    const claim = world.claim(targetKey(run.target));
    if (claim === undefined || claim.runId === run.id) return PROCEED;
    const detail = claim.quarantined
      ? `${run.target} is in quarantine since run ${claim.runId} was interrupted; a person has to retry or cancel that run`
      : `${run.target} is taken by run ${claim.runId} of ${claim.rule}`;
    return { verdict: 'hold', detail, escalateAfterMs: ESCALATE_AFTER_MS };
  },
};
