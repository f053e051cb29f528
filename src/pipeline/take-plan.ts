import { isDeepStrictEqual } from 'node:util';
import type { Plan } from '../domain/remediation.ts';
import type { Run, StepFailure, StepRecord } from '../domain/state.ts';
import { approvalNeed, isOfEarlierEpisode, outdatedApprovals } from './approval-need.ts';
import { claimAll, touchKey } from './claims.ts';
import type { DecisionContext } from './decision-context.ts';
import { giveUp, tellStep } from './finish-step.ts';
import { isCrowded } from './gates/blast-radius.ts';
import { journalOf } from './journal.ts';
import { callOf } from './launch-step.ts';
import { locate } from './locate-step.ts';
import { closeQuestion } from './open-question.ts';
import { advance, stopEarly } from './run-playbook.ts';
import { tell } from './story.ts';
import { TOUCH_INTERVAL_MS } from './timing.ts';
import type { World } from './world.ts';

/** A changing step's plan is known: it is claimed and journaled, and only then done. */
export function takePlan(world: World, given: Run, record: StepRecord, plan: Plan, context: DecisionContext): void {
  const { now } = context;
  const place = locate(world, given, record, context);
  if (place === undefined) return giveUp(world, given, record, context);
  if (record.stage !== 'planning') return;
  const run = world.putRun({ ...given, reason: null });
  const { step, rule } = place;
  const journal = journalOf(world, run, now);
  if (run.ending === null && stopEarlyAtPlan(world, run, record, plan, context)) return;
  const refuse = (failure: StepFailure): void => {
    journal.write({ ...record, state: 'failed', plan, error: failure });
    tellStep(world, run, record, 'failed', plan, failure, now);
    advance(world, run, context);
  };
  if (record.plan !== null && !isSameIntent(record.plan, plan)) {
    return refuse({
      code: 'precondition_failed',
      message: `what it would act on is no longer the same: ${plan.summary}`,
      happened: 'nothing',
    });
  }
  const need = approvalNeed(world, run, rule, step, record, plan);
  if (need.kind === 'ask') return foresee(world, run, record, plan, context);
  if (need.kind === 'refuse')
    return refuse({ code: 'not_approved', message: `would ${plan.summary}, but ${need.why}`, happened: 'nothing' });
  if (need.kind === 'skip') {
    journal.write({ ...record, state: 'skipped', plan });
    tell(world, run.incidentId, now, 'note', `${record.id}: skipped: ${plan.summary}: ${need.why} and nobody approved it`, {
      runId: run.id,
      reason: 'not_approved',
    });
    return advance(world, run, context);
  }
  const wait = (reason: 'blast_radius' | 'target_busy', why: string): void => {
    // A try that had to wait is none.
    journal.write({ ...record, stage: 'waiting', attempts: record.attempts - 1, wakeAt: now + TOUCH_INTERVAL_MS });
    world.putRun({ ...run, reason, wakeAt: now + TOUCH_INTERVAL_MS });
    if (given.reason === reason) return;
    tell(world, run.incidentId, now, 'run_held', `${run.target}: step ${record.id} waits: ${why}`, { runId: run.id, reason });
  };
  const wasAsked = world.approvalsOf(run.id).length > 0;
  if (wasAsked && run.ending === null && isCrowded(run, rule, world))
    return wait('blast_radius', 'the automation acts on as much as it may at once');
  const holder = claimAll(world, run, plan.touches.map(touchKey), now);
  if (holder !== undefined) {
    // The steps are bounded by the time of their run; `finally` would wait for ever for what is in quarantine.
    if (run.ending !== null && now - record.startedAt >= step.timeoutMs) {
      return refuse({ code: 'timeout', message: `${plan.touches.join(', ')} is taken by run ${holder}`, happened: 'nothing' });
    }
    return wait('target_busy', `${plan.touches.join(', ')} is taken by run ${holder}`);
  }
  // A plan that found nothing to do changes nothing: it does not count as acting.
  const acts = plan.count !== 0;
  const acting = journal.write({ ...record, stage: 'acting', plan, actingAt: now });
  world.putRun({
    ...run,
    reason: null,
    wakeAt: null,
    actingAt: acts ? (run.actingAt ?? now) : run.actingAt,
    rungActed: run.rungActed || acts,
  });
  const call = callOf(run, acting, step, context);
  if (call !== undefined)
    world.effects.push({ kind: 'act', runId: run.id, address: acting.address, attempt: acting.attempts, call, plan });
}

/** A later attempt has the same identity, and what earlier ones may have used up of its `limit` is gone. */
function isSameIntent(before: Plan, after: Plan): boolean {
  return isDeepStrictEqual({ ...before.identity, limit: null }, { ...after.identity, limit: null });
}

function stopEarlyAtPlan(world: World, run: Run, record: StepRecord, plan: Plan, context: DecisionContext): boolean {
  // Nothing was done yet, so the step is as if it had not begun.
  const before = world.stepsOf(run.id).get(record.address);
  journalOf(world, run, context.now).write({ ...record, plan, state: 'skipped' });
  if (stopEarly(world, run, context)) return true;
  if (before !== undefined) world.putStep(before);
  return false;
}

/** People are going to be asked: first the steps that come after this one are planned, so that they see them all. */
function foresee(world: World, run: Run, record: StepRecord, plan: Plan, context: DecisionContext): void {
  const { now } = context;
  for (const approval of outdatedApprovals(world, run, record, plan)) {
    const isOver = isOfEarlierEpisode(world, run, approval);
    const reason = isOver ? 'its alerts have resolved and fire again' : `it would now ${plan.summary}`;
    closeQuestion(world, run, approval, { state: 'void', reason }, now);
    tell(world, run.incidentId, now, 'approval_void', `${run.target}: the approval is void: ${reason}`, {
      runId: run.id,
      reason: 'approval_void',
    });
  }
  const foreseeing = journalOf(world, run, now).write({ ...record, stage: 'foreseeing', plan });
  world.putRun({ ...run, reason: null, wakeAt: null });
  world.effects.push({ kind: 'foresee', runId: run.id, address: foreseeing.address, attempt: foreseeing.attempts });
}
