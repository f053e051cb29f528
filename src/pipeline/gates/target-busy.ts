import { targetKey } from '../claims.ts';
import type { Run, RunState } from '../../domain/state.ts';
import type { World } from '../world.ts';
import { PROCEED, type Gate } from './gate.ts';

const ESCALATE_AFTER_MS = 30 * 60_000;
const AT_WORK: readonly RunState[] = ['running', 'verifying'];

/** Holds while another run has the target, or an interrupted one left it in quarantine; by the clock also while the rule is at work. */
export const targetBusy: Gate = {
  name: 'target_busy',
  forReads: true,
  overridable: false,
  forSchedules: 'wait',
  judge({ run }, world) {
    const earlier = earlierRun(run, world);
    if (earlier !== undefined)
      return { verdict: 'hold', detail: `run ${earlier} of the rule is not over`, escalateAfterMs: ESCALATE_AFTER_MS };
    const claim = world.claim(targetKey(run.target));
    if (claim === undefined || claim.runId === run.id) return PROCEED;
    const detail = claim.quarantined
      ? `${run.target} is in quarantine since run ${claim.runId} was interrupted; a person has to retry or cancel that run`
      : `${run.target} is taken by run ${claim.runId} of ${claim.rule}`;
    return { verdict: 'hold', detail, escalateAfterMs: ESCALATE_AFTER_MS };
  },
};

/** Runs by the clock never overlap with others of their rule, also when they only read or have another target. */
function earlierRun(run: Run, world: World): string | undefined {
  if (run.trigger !== 'schedule') return undefined;
  return world.briefs().find(({ id, rule, state }) => id !== run.id && rule === run.rule && AT_WORK.includes(state))?.id;
}
