import type { JsonObject } from '../domain/json.ts';
import type { Rule } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Run, StepRecord } from '../domain/state.ts';
import { type Ending, endRun } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import { journalOf } from './journal.ts';
import { launch } from './launch-step.ts';
import { rungScope, walkRung } from './locate-step.ts';
import { tell } from './story.ts';
import { beginVerifying, verifyOf } from './verify.ts';
import { type StepPlace, type Walk, failureOf, viewsOf, walkOpenPlaybooks, walkSteps } from './walk-playbook.ts';
import type { World } from './world.ts';

/**
 * Takes a running run as far as it goes: to the next step, or, when its steps are over, to verification or its end. The
 * journal alone says where it stands.
 */
export function advance(world: World, given: Run, context: DecisionContext): void {
  const run = world.run(given.id) ?? given;
  if (run.state !== 'running') return;
  const rule = context.claimedRule(run);
  if (rule === undefined) {
    endRun(world, run, { outcome: 'failed', reason: 'rule_removed' }, context, 'the rule it was claimed with is no longer known');
    return;
  }
  if (run.ending === null) advanceSteps(world, run, rule, context);
  else advanceFinally(world, run, rule, run.ending, context);
}

function advanceSteps(world: World, run: Run, rule: Rule, context: DecisionContext): void {
  const rung = rule.rungs[run.rung];
  if (rung === undefined) return begin(world, run, { outcome: 'completed', reason: null }, context);
  let walk: Walk;
  try {
    walk = walkRung(world, run, rung, context);
  } catch (error) {
    return begin(world, run, { outcome: 'failed', reason: failureOf(error).code }, context, failureOf(error).message);
  }
  switch (walk.kind) {
    case 'busy':
      if (walk.record.stage === 'waiting') stopWaiting(world, run, walk.record, context);
      return;
    case 'next':
      if (stopEarly(world, run, context)) return;
      return startStep(world, run, walk.place, context);
    case 'done':
      if (walk.failure !== undefined) {
        const { stepId, state, error } = walk.failure;
        if (state === 'unknown')
          return void endRun(
            world,
            run,
            { outcome: 'interrupted', reason: 'step_unknown' },
            context,
            `step ${stepId}: ${error.message}`,
          );
        return begin(world, run, { outcome: 'failed', reason: error.code }, context, `step ${stepId}: ${error.message}`);
      }
      if (run.cancelledBy !== null) return void stopEarly(world, run, context);
      return stepsDone(world, run, rule, context);
  }
}

/** Between steps: a cancel, the end of the alerts or of the time stops the run before it does anything more. */
export function stopEarly(world: World, run: Run, context: DecisionContext): boolean {
  const { now } = context;
  if (run.cancelledBy !== null) {
    begin(world, run, { outcome: 'cancelled', reason: 'cancelled_by_person' }, context, `by ${run.cancelledBy}`);
    return true;
  }
  if (run.deadlineAt !== null && now >= run.deadlineAt) {
    begin(world, run, { outcome: 'failed', reason: 'run_timeout' }, context, 'the time of the whole run is up');
    return true;
  }
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  const rule = context.claimedRule(run);
  if (line === undefined || line.firing > 0 || rule?.onResolved !== 'cancel' || run.readsOnly) return false;
  if (run.actingAt === null) begin(world, run, { outcome: 'self_resolved', reason: 'alerts_resolved' }, context);
  else beginVerifying(world, run, rule, context);
  return true;
}

/** Ends a step that waits, if its run is to stop: else it would start again after the run went on to something else. */
export function stopWaiting(world: World, run: Run, waiting: StepRecord, context: DecisionContext): boolean {
  journalOf(world, run, context.now).write({ ...waiting, state: waiting.error === null ? 'skipped' : 'failed' });
  if (stopEarly(world, run, context)) return true;
  world.putStep(waiting);
  return false;
}

function startStep(world: World, run: Run, place: StepPlace, context: DecisionContext): void {
  const { now } = context;
  const journal = journalOf(world, run, now);
  const base = { address: place.address, id: place.step.id, uses: place.call.remediation.name, item: place.item };
  let rendered: { connection: string | undefined; params: JsonObject };
  try {
    rendered = place.call.render(place.scope);
  } catch (error) {
    journal.write({ ...base, state: 'failed', error: failureOf(error) });
    return advance(world, run, context);
  }
  const effect = place.call.remediation.effect(rendered.params);
  const record = journal.write({
    ...base,
    effect,
    state: 'running',
    stage: effect === 'read' ? 'acting' : 'planning',
    attempts: 1,
    connection: rendered.connection ?? null,
    params: rendered.params,
    expectUntil: place.step.expect !== undefined && place.step.withinMs !== undefined ? now + place.step.withinMs : null,
  });
  launch(world, run, record, place.step, context);
}

function stepsDone(world: World, run: Run, rule: Rule, context: DecisionContext): void {
  if (run.rungActed) {
    const hasAlert = run.lineId !== null;
    // Without an alert to watch, only checks can say whether it helped.
    if (hasAlert || verifyOf(rule).checks.length > 0) return beginVerifying(world, run, rule, context);
    return begin(world, run, { outcome: 'completed', reason: null }, context);
  }
  if (run.readsOnly || run.lineId === null) return begin(world, run, { outcome: 'completed', reason: null }, context);
  if (nextRung(world, run, rule, 'there was nothing to do', context)) return;
  if (run.actingAt !== null)
    return begin(
      world,
      run,
      { outcome: 'ineffective', reason: 'nothing_to_do' },
      context,
      'the last fallback found nothing to do',
    );
  begin(world, run, { outcome: 'completed', reason: 'nothing_to_do' }, context, 'the steps found nothing to change');
}

/** Goes on with the next fallback, if there is one. */
export function nextRung(world: World, run: Run, rule: Rule, why: string, context: DecisionContext): boolean {
  const { now } = context;
  if (run.rung + 1 >= rule.rungs.length) return false;
  const next = world.putRun({
    ...run,
    state: 'running',
    reason: null,
    rung: run.rung + 1,
    rungActed: false,
    verifyingSince: null,
    verifyDeadlineAt: null,
    stableSince: null,
    checksSeen: [],
    wakeAt: null,
    // Verification has a deadline of its own, so each rung has the whole time for its steps.
    deadlineAt: now + rule.timeoutMs,
  });
  tell(world, run.incidentId, now, 'fallback', `${run.target}: ${why}; fallback ${next.rung} of ${rule.rungs.length - 1}`, {
    runId: run.id,
  });
  advance(world, next, context);
  return true;
}

/** Begins the end of a run: `finally` first, whatever happened. */
export function begin(world: World, run: Run, ending: Ending, context: DecisionContext, detail = ''): void {
  const current = world.run(run.id) ?? run;
  const rule = context.claimedRule(current);
  const hasFinally = rule?.rungs.slice(0, current.rung + 1).some((rung) => rung.playbook.finally.length > 0) ?? false;
  const hasOpenPlaybooks = [...world.stepsOf(run.id).values()].some(
    (record) => record.state === 'running' && record.stage === 'children',
  );
  if (!hasFinally && !hasOpenPlaybooks) return void endRun(world, current, ending, context, detail);
  if (detail !== '')
    tell(world, current.incidentId, context.now, 'note', `${current.target}: ${ending.outcome}: ${detail}`, {
      runId: current.id,
    });
  const next = world.putRun({ ...current, state: 'running', ending, reason: ending.reason, wakeAt: null });
  advance(world, next, context);
}

function advanceFinally(world: World, run: Run, rule: Rule, ending: Ending, context: DecisionContext): void {
  const journal = journalOf(world, run, context.now);
  for (const [index, rung] of rule.rungs.slice(0, run.rung + 1).entries()) {
    let scope: Scope;
    try {
      scope = rungScope(world, run, index, rung, context);
    } catch {
      // The playbook's parameters had no value, so none of its steps began: there is nothing to clean up after.
      continue;
    }
    const open = walkOpenPlaybooks(rung.playbook.steps, `${index}:steps/`, scope, journal);
    if (open?.kind === 'busy') return;
    if (open?.kind === 'next') return startStep(world, run, open.place, context);
    const views = viewsOf(rung.playbook.steps, `${index}:steps/`, journal);
    const walk = walkSteps(rung.playbook.finally, `${index}:finally/`, { ...scope, steps: views }, journal, { goOn: true });
    if (walk.kind === 'busy') return;
    if (walk.kind === 'next') return startStep(world, run, walk.place, context);
  }
  endRun(world, run, ending, context);
}
