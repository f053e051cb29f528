import type { Look, Plan } from '../domain/remediation.ts';
import type { Step } from '../domain/rule.ts';
import type { Run, StepFailure, StepRecord } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { StepResult } from './event.ts';
import { finishStep, giveUp, startAgain } from './finish-step.ts';
import { journalOf } from './journal.ts';
import { look } from './launch-step.ts';
import { locate } from './locate-step.ts';
import { tell } from './story.ts';
import { EXPECT_INTERVAL_MS, MAX_BACKOFF_MS } from './timing.ts';
import { failureOf } from './walk-playbook.ts';
import type { World } from './world.ts';

/** A step's work is over, well or not. A late answer of an earlier attempt changes nothing. */
export function takeResult(
  world: World,
  given: Run,
  record: StepRecord,
  result: StepResult,
  plan: Plan | undefined,
  context: DecisionContext,
): void {
  const { now } = context;
  const place = locate(world, given, record, context);
  if (place === undefined) return giveUp(world, given, record, context);
  const run = world.putRun({ ...given, reason: null });
  const { step, scope } = place;
  const journal = journalOf(world, run, now);
  const known = plan === undefined ? record : { ...record, plan };
  if ('error' in result) return takeFailure(world, run, known, step, result.error, context);
  let failure: StepFailure | undefined;
  try {
    if (step.expect !== undefined && !step.expect.evaluate({ ...scope, output: result.output })) {
      failure = { code: 'expectation_failed', message: `expected ${step.expect.source}`, happened: 'nothing' };
    }
  } catch (error) {
    failure = failureOf(error);
  }
  if (failure !== undefined && canWait(record, now)) {
    journal.write({ ...known, stage: 'waiting', output: result.output, error: failure, wakeAt: now + EXPECT_INTERVAL_MS });
    world.putRun({ ...run, wakeAt: now + EXPECT_INTERVAL_MS });
    return;
  }
  finishStep(
    world,
    run,
    { ...known, output: result.output },
    failure === undefined ? 'succeeded' : 'failed',
    failure ?? null,
    context,
  );
}

function canWait(record: StepRecord, now: number): boolean {
  return record.effect === 'read' && record.expectUntil !== null && now < record.expectUntil;
}

function takeFailure(
  world: World,
  run: Run,
  record: StepRecord,
  step: Step,
  failure: StepFailure,
  context: DecisionContext,
): void {
  const { now } = context;
  const journal = journalOf(world, run, now);
  if (canWait(record, now)) {
    journal.write({ ...record, stage: 'waiting', error: failure, wakeAt: now + EXPECT_INTERVAL_MS });
    world.putRun({ ...run, wakeAt: now + EXPECT_INTERVAL_MS });
    return;
  }
  const remediation = step.call.kind === 'remediation' ? step.call.remediation : undefined;
  const isCertain = record.effect === 'read' || record.stage === 'planning' || failure.happened === 'nothing';
  const mayRepeat = isCertain ? RETRYABLE.has(failure.code) : remediation?.inDoubt === 'repeat';
  if (mayRepeat && record.attempts < step.retry.attempts) {
    const wakeAt = now + backoff(step.retry.backoffMs, record.attempts, context.random());
    journal.write({ ...record, stage: 'waiting', error: failure, wakeAt });
    world.putRun({ ...run, wakeAt });
    return;
  }
  if (!isCertain && remediation?.inDoubt === 'look' && record.plan !== null) {
    const looking = journal.write({ ...record, stage: 'looking', error: failure });
    return look(world, run, looking, step, context);
  }
  // A target that answers that it failed leaves nothing in doubt but what it did before it failed: that is for people to see.
  const isUnknown = !isCertain && remediation?.inDoubt !== 'repeat' && failure.code !== 'rejected';
  finishStep(world, run, record, isUnknown ? 'unknown' : 'failed', failure, context);
}

/** Failures that another attempt may not meet. The others say the same however often they are asked. */
const RETRYABLE: ReadonlySet<string> = new Set([
  'unavailable',
  'timeout',
  'rejected',
  'invalid_response',
  'precondition_failed',
  'not_found',
]);

function backoff(baseMs: number, attempts: number, random: number): number {
  const cap = Math.min(baseMs * 2 ** (attempts - 1), MAX_BACKOFF_MS);
  return Math.round(cap / 2 + (random * cap) / 2);
}

/** Somebody looked whether a change in doubt has happened. */
export function takeLook(world: World, run: Run, record: StepRecord, found: Look, context: DecisionContext): void {
  const { now } = context;
  const place = locate(world, run, record, context);
  if (place === undefined) return giveUp(world, run, record, context);
  if (record.stage !== 'looking') return;
  const journal = journalOf(world, run, now);
  switch (found.state) {
    case 'done':
      tell(world, run.incidentId, now, 'recovered', `${run.target}: step ${record.id} turned out to be done`, { runId: run.id });
      return takeResult(world, run, record, { output: found.output }, undefined, context);
    case 'wait':
      if (run.deadlineAt !== null && now >= run.deadlineAt) return takeLook(world, run, record, { state: 'unknown' }, context);
      journal.write({ ...record, wakeAt: now + found.ms });
      world.putRun({ ...run, wakeAt: now + found.ms });
      return;
    case 'not_done':
      if (record.attempts < Math.max(place.step.retry.attempts, record.error === null ? 2 : 1))
        return startAgain(world, run, record, place.step, context);
      return finishStep(
        world,
        run,
        record,
        'failed',
        record.error ?? { code: 'aborted', message: 'it was not done', happened: 'nothing' },
        context,
      );
    case 'unknown':
      return finishStep(
        world,
        run,
        record,
        'unknown',
        record.error ?? { code: 'unknown_outcome', message: 'nobody can tell whether it happened', happened: 'unknown' },
        context,
      );
  }
}
