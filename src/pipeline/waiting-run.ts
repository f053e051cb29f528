import type { Approval, Line, Run } from '../domain/state.ts';
import { isOfEarlierEpisode } from './approval-need.ts';
import type { Ending } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import { formatDuration } from '../domain/duration.ts';
import { giveUp } from './finish-step.ts';
import { journalOf } from './journal.ts';
import { launch } from './launch-step.ts';
import { locate } from './locate-step.ts';
import { closeQuestion, openQuestion, waitingStep, withVerdict } from './open-question.ts';
import { begin } from './run-playbook.ts';
import { escalate, tell } from './story.ts';
import { beginVerifying } from './verify.ts';
import type { World } from './world.ts';

/** Looks at a run that waits for people: its alerts may be over, its time may be up, or it goes on waiting. */
export function wakeWaiting(world: World, run: Run, context: DecisionContext): void {
  const approval = openQuestion(world, run);
  if (approval === undefined) return planAgain(world, run, context);
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  if (line !== undefined && (hasResolvedSince(line, run, approval) || isOfEarlierEpisode(world, run, approval)))
    return takeResolution(world, run, approval, line, context);
  takeTime(world, run, approval, context);
}

/** A run that has acted and is to finish asks again after its alerts have resolved: that question stands. */
function hasResolvedSince(line: Line, run: Run, { askedAt }: Approval): boolean {
  return line.firing === 0 && (run.actingAt === null || line.resolvedAt === null || line.resolvedAt > askedAt);
}

/** What the question was about is over, or began anew meanwhile: nobody is to answer it any more. */
function takeResolution(world: World, run: Run, approval: Approval, line: Line, context: DecisionContext): void {
  const { now } = context;
  closeQuestion(world, run, approval, { state: 'void', reason: 'its alerts have resolved' }, now);
  tell(world, run.incidentId, now, 'approval_void', `${run.target}: the approval is void: its alerts have resolved`, {
    runId: run.id,
    reason: 'alerts_resolved',
  });
  const rule = context.claimedRule(run);
  if (line.firing > 0) return planAgain(world, run, context);
  if (run.actingAt === null) {
    const isStale = line.closedBy === 'stale';
    const ending: Ending = isStale
      ? { outcome: 'suppressed', reason: 'stale' }
      : { outcome: 'self_resolved', reason: 'alerts_resolved' };
    return endWait(world, run, ending, context);
  }
  if (rule?.onResolved !== 'cancel') return planAgain(world, run, context);
  skipStep(world, run, context);
  beginVerifying(world, goOn(world, run, context), rule, context);
}

/** A timeout tells people, or ends it; after an escalation it can still be answered until the question expires. */
function takeTime(world: World, run: Run, approval: Approval, context: DecisionContext): void {
  const { now } = context;
  let current = run;
  if (now >= approval.timeoutAt && approval.onTimeout === 'escalate' && run.escalatedFor !== 'approval_timeout') {
    current = world.putRun({ ...run, escalatedFor: 'approval_timeout' });
    const after = formatDuration(approval.timeoutAt - approval.askedAt);
    const text = `${run.target}: nobody has answered for ${after}; it can still be approved for ${formatDuration(approval.expiresAt - approval.timeoutAt)}`;
    escalate(world, run.incidentId, 'approval_timeout', text, context, run.id);
  }
  const endsAt = endOf(approval);
  if (now < endsAt) {
    const wakeAt = now < approval.timeoutAt ? approval.timeoutAt : endsAt;
    world.putRun({ ...current, wakeAt });
    return;
  }
  closeQuestion(world, current, approval, { state: 'expired', reason: 'approval_timeout' }, now);
  const text = `nobody approved it within ${formatDuration(endsAt - approval.askedAt)}`;
  endWait(world, current, { outcome: 'cancelled', reason: 'approval_timeout' }, context, text, text);
}

function endOf({ onTimeout, timeoutAt, expiresAt }: Approval): number {
  return onTimeout === 'cancel' ? timeoutAt : expiresAt;
}

/** The step's plan is made again: it is approved, or has to be asked for anew. */
export function planAgain(world: World, run: Run, context: DecisionContext): void {
  const record = waitingStep(world, run);
  const going = goOn(world, run, context);
  if (record === undefined) {
    world.putRun({ ...going, wakeAt: context.now });
    return;
  }
  const place = locate(world, going, record, context);
  if (place === undefined) return giveUp(world, going, record, context);
  const planning = journalOf(world, going, context.now).write({ ...record, stage: 'planning', plan: null });
  launch(world, going, planning, place.step, context);
}

/** Takes an open question back, because the run is to end for another reason. */
export function withdrawQuestion(world: World, run: Run, why: string, { now }: DecisionContext): void {
  const approval = openQuestion(world, run);
  if (approval === undefined) return;
  closeQuestion(world, run, approval, { state: 'void', reason: why }, now);
  tell(world, run.incidentId, now, 'approval_void', `${run.target}: the approval is void: ${why}`, { runId: run.id });
}

/** Ends a run that waits, by way of its `finally`. `failure` says why its step was not allowed, where it was asked for and not given. */
export function endWait(world: World, run: Run, ending: Ending, context: DecisionContext, detail = '', failure?: string): void {
  skipStep(world, run, context, failure);
  begin(world, goOn(world, withVerdict(run, 'suppress', detail), context), ending, context, detail);
}

/** Nothing of the step was done: it is as if it had not begun. */
function skipStep(world: World, run: Run, { now }: DecisionContext, failure?: string): void {
  const record = waitingStep(world, run);
  if (record === undefined) return;
  journalOf(world, run, now).write({
    ...record,
    ...(failure === undefined
      ? { state: 'skipped' }
      : { state: 'failed', error: { code: 'not_approved', message: failure, happened: 'nothing' } }),
  });
}

/** Waiting is over. The time it took does not count as the run's. */
function goOn(world: World, run: Run, { now }: DecisionContext): Run {
  const waitedMs = now - (run.heldSince ?? now);
  return world.putRun({
    ...run,
    state: 'running',
    reason: null,
    heldSince: null,
    escalatedFor: null,
    wakeAt: null,
    deadlineAt: run.deadlineAt === null ? null : run.deadlineAt + waitedMs,
  });
}
