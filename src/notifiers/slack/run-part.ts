import type { IncidentDetail } from '../../domain/store.ts';
import type { Approval, Run, StepRecord } from '../../domain/state.ts';
import { actions, section, type Block } from './blocks.ts';
import { describeRun, failedStep } from './describe-run.ts';
import { describeStep } from './describe-step.ts';
import type { Part } from './fit-parts.ts';
import { runButtons } from './incident-buttons.ts';
import { code, mrkdwn, type Mrkdwn } from './mrkdwn.ts';

const STEPS_SHOWN = 6;

/** What one run did and does, with its buttons. The more urgent it is for people, the longer it stays whole. */
export function runPart(detail: IncidentDetail, run: Run, rank: number): Part {
  const steps = detail.steps.filter((step) => step.runId === run.id).toSorted((a, b) => a.position - b.position);
  const line = detail.lines.find((candidate) => candidate.id === run.lineId);
  const waiting = detail.approvals.find((approval) => approval.runId === run.id && approval.state === 'open');
  const buttons = runButtons(detail.incident, run, line, waiting);
  const controls: readonly Block[] = buttons.length === 0 ? [] : [actions(buttons)];
  const headline = mrkdwn`${code(run.target)}${attemptOf(run)}: ${describeRun(run, steps)}`;
  const words = [
    ...approvedBy(detail.approvals, run),
    ...changesOf(steps, run.outcome === 'failed' ? failedStep(steps) : undefined),
  ];
  return {
    rank,
    forms: [[section([headline, ...words]), ...controls], [section([headline]), ...controls], [section([headline])], []],
  };
}

/** Runs in the order in which people want to know of them: what needs somebody, what is at work, what is over. */
export function byUrgency(detail: IncidentDetail): readonly Run[] {
  const urgency = (run: Run): number => {
    if (run.quarantined) return 0;
    if (run.state === 'held' && run.reason === 'approval') return 1;
    if (run.state === 'running' || run.state === 'verifying') return 2;
    if (run.state === 'held' || run.state === 'pending') return 3;
    if (detail.lines.some((line) => line.runId === run.id)) return run.outcome === 'verified' ? 5 : 4;
    return 6;
  };
  return detail.runs.toSorted((a, b) => urgency(a) - urgency(b) || b.createdAt - a.createdAt);
}

function attemptOf(run: Run): string {
  return run.attempt > 1 ? ` (attempt ${run.attempt})` : '';
}

function approvedBy(approvals: readonly Approval[], run: Run): readonly Mrkdwn[] {
  return approvals
    .filter((approval) => approval.runId === run.id)
    .flatMap((approval) => {
      if (approval.state === 'approved') return [mrkdwn`• allowed by ${approval.approvedBy.join(', ')}`];
      if (approval.state === 'rejected') return [mrkdwn`• rejected by ${approval.decidedBy ?? 'a person'}${sayingWhy(approval)}`];
      return [];
    });
}

function sayingWhy(approval: Approval): string {
  return approval.reason === null || approval.reason === '' ? '' : `: ${approval.reason}`;
}

/** The steps that changed, or may have changed, something; the last ones when they are many. */
function changesOf(steps: readonly StepRecord[], told: StepRecord | undefined): readonly Mrkdwn[] {
  const isTold = (step: StepRecord): boolean => step.effect !== 'read' && step.plan !== null && step.state !== 'pending';
  const changes = steps.filter(isTold);
  const left = changes.length - STEPS_SHOWN;
  return [
    ...(left > 0 ? [mrkdwn`• … ${left} ${left === 1 ? 'step' : 'steps'} before`] : []),
    ...changes.slice(-STEPS_SHOWN).map((step) => describeStep(step, step === told)),
  ];
}
