import type { StepRecord } from '../../domain/state.ts';
import { code, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';

const STATE_WORDS: Readonly<Record<StepRecord['state'], string>> = {
  pending: 'to come',
  running: 'now',
  succeeded: 'done',
  failed: 'failed',
  skipped: 'skipped',
  unknown: 'not known',
};

/** What a step did or does, in one line: by its plan where it has one. `isErrorTold`: it stands somewhere else already. */
export function describeStep(step: StepRecord, isErrorTold = false): Mrkdwn {
  const what = step.plan === null ? mrkdwn`step ${code(step.id)}` : shortened(step.plan.summary, 240);
  const error =
    step.error === null || isErrorTold ? mrkdwn`` : mrkdwn`: ${code(step.error.code, 40)} ${shortened(step.error.message, 240)}`;
  return mrkdwn`• ${STATE_WORDS[step.state]}: ${what} (${code(step.uses, 60)})${error}`;
}
