import type { GateVerdict, Run, StepRecord } from '../../domain/state.ts';
import { code, instant, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';

/** Where a run is or how it ended, in one or two sentences that do not say more than is known. */
export function describeRun(run: Run, steps: readonly StepRecord[]): Mrkdwn {
  switch (run.state) {
    case 'pending':
      return mrkdwn`whether it may start is being checked.`;
    case 'held':
      return run.reason === 'approval'
        ? mrkdwn`*it waits for an approval* before it changes anything more.`
        : mrkdwn`not started yet${detailOf(run)}${reasonOf(run)}.`;
    case 'running':
      return describeRunning(run, steps);
    case 'verifying':
      return mrkdwn`the steps of ${rungWords(run)} are done; whether they helped is being checked${untilWhen(run)}.`;
    case 'ended':
      return describeEnd(run, steps);
  }
}

/** The playbook or the fallback that a run is at, in words. */
function rungWords(run: Run): string {
  return run.rung === 0 ? 'the playbook' : `fallback ${run.rung}`;
}

function describeRunning(run: Run, steps: readonly StepRecord[]): Mrkdwn {
  if (run.ending !== null) return mrkdwn`it cleans up, and will end ${code(run.ending.outcome)}.`;
  if (run.reason === 'target_busy') return mrkdwn`*it waits*: what it would change is taken by another run, or in quarantine.`;
  if (run.reason === 'blast_radius') return mrkdwn`*it waits*: the automation acts on as much as it may at once.`;
  const current = steps.findLast((step) => step.state === 'running');
  if (current === undefined) return mrkdwn`${rungWords(run)} is under way.`;
  const what = current.plan === null ? mrkdwn`` : mrkdwn`: ${shortened(current.plan.summary, 240)}`;
  return mrkdwn`${rungWords(run)} is at step ${code(current.id)}${what}.`;
}

function untilWhen(run: Run): Mrkdwn {
  return run.verifyDeadlineAt === null ? mrkdwn`` : mrkdwn`, until ${instant(run.verifyDeadlineAt)} at most`;
}

function describeEnd(run: Run, steps: readonly StepRecord[]): Mrkdwn {
  switch (run.outcome) {
    case 'verified':
      return mrkdwn`*fixed by ${rungWords(run)}*; ${evidenceOf(run)}.${run.recurred ? ' The alert came back since: it did not last.' : ''}`;
    case 'completed':
      return run.reason === 'nothing_to_do'
        ? mrkdwn`the steps found *nothing to change*: the alert has another cause.`
        : mrkdwn`the steps are done; there was nothing to verify.`;
    case 'ineffective':
      return mrkdwn`*it did not help*: the steps are done, and a condition stayed false${reasonOf(run)}.`;
    case 'inconclusive':
      return mrkdwn`the steps are done, and *nobody could tell whether it helped*${reasonOf(run)}.`;
    case 'interrupted':
      return run.quarantined
        ? mrkdwn`*interrupted*: a change was under way, and nobody can tell whether it happened. The target is in quarantine: look at it, then choose Retry or Cancel.`
        : mrkdwn`*interrupted*: a change was under way, and nobody could tell whether it happened. A person has seen to it.`;
    case 'failed':
      return describeFailure(run, steps);
    case 'cancelled':
      return mrkdwn`cancelled${run.cancelledBy === null ? '' : ` by ${run.cancelledBy}`}${reasonOf(run)}.`;
    case 'suppressed':
      return mrkdwn`not started${detailOf(run)}${reasonOf(run)}.`;
    case 'self_resolved':
      return mrkdwn`the alerts resolved before anything was changed.`;
    case null:
      return mrkdwn`ended.`;
  }
}

function evidenceOf(run: Run): string {
  return run.evidence === 'alert' ? 'nothing but the alert, which resolved, says so' : 'its checks held';
}

function describeFailure(run: Run, steps: readonly StepRecord[]): Mrkdwn {
  const failed = failedStep(steps);
  if (failed?.error == null) return mrkdwn`*failed*${reasonOf(run)}.`;
  return mrkdwn`*failed* at step ${code(failed.id)}: ${code(failed.error.code, 40)} ${shortened(failed.error.message, 300)}.`;
}

/** The step whose error is the run's, where there is one. */
export function failedStep(steps: readonly StepRecord[]): StepRecord | undefined {
  return steps.findLast((step) => step.state === 'failed' && step.error !== null);
}

function reasonOf(run: Run): Mrkdwn {
  return run.reason === null ? mrkdwn`` : mrkdwn` (${code(run.reason)})`;
}

/** What the gate saw that speaks for where the run is. */
function detailOf(run: Run): Mrkdwn {
  const verdict = run.verdicts.find(({ gate }) => gate === run.reason) ?? run.verdicts.findLast(isObjection);
  return verdict === undefined || verdict.detail === '' ? mrkdwn`` : mrkdwn`: ${shortened(verdict.detail, 300)}`;
}

function isObjection(verdict: GateVerdict): boolean {
  return verdict.verdict !== 'proceed';
}
