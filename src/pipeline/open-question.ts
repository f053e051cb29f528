import type { Approval, ApprovalState, Run, StepRecord } from '../domain/state.ts';
import type { World } from './world.ts';

/** Whether a run that has started waits for people; a held run that has not started waits for a gate. */
export function isWaiting(run: Run): boolean {
  return run.state === 'held' && run.startedAt !== null;
}

/** The alerts of a run that waits for people are over: it is looked at as soon as its journal is at hand. */
export function alertsResolvedWhileWaiting(world: World, run: Run, now: number): void {
  world.putRun({ ...run, wakeAt: now });
}

/** The question that a run waits for. There is at most one. */
export function openQuestion(world: World, run: Run): Approval | undefined {
  return world.approvalsOf(run.id).find((approval) => approval.state === 'open');
}

/** The step that waits for an answer. */
export function waitingStep(world: World, run: Run): StepRecord | undefined {
  return [...world.stepsOf(run.id).values()].find((record) => record.state === 'running' && record.stage === 'approving');
}

/** Ends a question, or takes an approval back. From then on nobody can answer it. */
export function closeQuestion(
  world: World,
  run: Run,
  approval: Approval,
  decision: { readonly state: Exclude<ApprovalState, 'open'>; readonly by?: string; readonly reason?: string },
  now: number,
): void {
  world.putApproval({
    ...approval,
    state: decision.state,
    decidedBy: decision.by ?? approval.decidedBy,
    decidedAt: now,
    reason: decision.reason ?? null,
  });
  world.signals.push({ kind: 'approval', state: decision.state, runId: run.id, incidentId: run.incidentId });
}

/** Why a question can be answered no more, for somebody who comes late. */
export function describeAnswered({ state, approvedBy, decidedBy, reason }: Approval): string {
  switch (state) {
    case 'open':
      return 'no gate holds it any more, and there is a question that is open; look at the incident again';
    case 'approved':
      return `${approvedBy.join(' and ')} approved it already`;
    case 'rejected':
      return `${decidedBy ?? 'somebody'} rejected it already${reason === null ? '' : `: ${reason}`}`;
    case 'void':
      return `the question is void: ${reason ?? 'things have changed'}`;
    case 'expired':
      return 'nobody answered in time, so the run was cancelled';
  }
}

/** The run with what the gate `approval` says of it now, for people who ask why. */
export function withVerdict(run: Run, verdict: 'hold' | 'proceed' | 'suppress', detail: string): Run {
  return { ...run, verdicts: [...run.verdicts.filter(({ gate }) => gate !== 'approval'), { gate: 'approval', verdict, detail }] };
}
