import type { Plan } from '../domain/remediation.ts';
import type { Step } from '../domain/rule.ts';
import type { Run, StepFailure, StepRecord } from '../domain/state.ts';
import { endRun } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import { journalOf } from './journal.ts';
import { launch } from './launch-step.ts';
import { advance } from './run-playbook.ts';
import { tell } from './story.ts';
import type { World } from './world.ts';

export function startAgain(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const params = withinLimit(record);
  if (params === undefined) {
    const failure: StepFailure = {
      code: 'over_limit',
      message: 'earlier attempts may have used up the limit of the step',
      happened: 'unknown',
    };
    return finishStep(world, run, record, 'failed', failure, context);
  }
  const again = journalOf(world, run, context.now).write({
    ...record,
    state: 'running',
    stage: record.effect === 'read' ? 'acting' : 'planning',
    attempts: record.attempts + 1,
    params,
    actingAt: null,
    wakeAt: null,
  });
  // What it waited for stays the run's reason until it is known whether it still has to.
  world.putRun({ ...run, wakeAt: null });
  launch(world, run, again, step, context);
}

/** `limit` holds over all attempts: what an attempt may have changed counts, whether it did or not. */
function withinLimit(record: StepRecord): StepRecord['params'] | undefined {
  const limit = record.params?.['limit'];
  const used = record.actingAt === null || record.error?.happened === 'nothing' ? 0 : (record.plan?.count ?? 0);
  if (typeof limit !== 'number' || used === 0) return record.params;
  return limit > used ? { ...record.params, limit: limit - used } : undefined;
}

export function finishStep(
  world: World,
  run: Run,
  record: StepRecord,
  state: 'succeeded' | 'failed' | 'unknown',
  failure: StepFailure | null,
  context: DecisionContext,
): void {
  const { now } = context;
  journalOf(world, run, now).write({ ...record, state, error: failure });
  tellStep(world, run, record, state, record.plan, failure, now);
  world.putRun({ ...run, wakeAt: null });
  advance(world, run, context);
}

export function tellStep(
  world: World,
  run: Run,
  record: StepRecord,
  state: string,
  plan: Plan | null,
  failure: StepFailure | null,
  now: number,
): void {
  const what = plan?.summary ?? record.uses;
  const why = failure === null ? '' : `: ${failure.code}: ${failure.message}`;
  tell(world, run.incidentId, now, 'step', `${record.id}: ${state}: ${what}${why}`, {
    runId: run.id,
    ...(failure === null ? {} : { reason: failure.code }),
  });
  world.signals.push({
    kind: 'step',
    remediation: record.uses,
    outcome: state,
    durationMs: Math.max(0, now - record.startedAt),
    runId: run.id,
    stepId: record.id,
    ...(failure === null ? {} : { error: failure.code }),
  });
}

/** The rule that a run was claimed with cannot be read any more: nobody knows its steps, and a change is in doubt. */
export function giveUp(world: World, run: Run, record: StepRecord, context: DecisionContext): void {
  const isInDoubt = record.effect !== 'read' && record.actingAt !== null;
  const failure: StepFailure = {
    code: isInDoubt ? 'unknown_outcome' : 'aborted',
    message: 'the rule it was claimed with is no longer known',
    happened: isInDoubt ? 'unknown' : 'nothing',
  };
  journalOf(world, run, context.now).write({ ...record, state: isInDoubt ? 'unknown' : 'failed', error: failure });
  endRun(world, run, { outcome: isInDoubt ? 'interrupted' : 'failed', reason: 'rule_removed' }, context, failure.message);
}
