import { isDeepStrictEqual } from 'node:util';
import { formatDuration } from '../domain/duration.ts';
import type { JsonObject } from '../domain/json.ts';
import { StepError, type Look, type Plan, type RemediationCallInput } from '../domain/remediation.ts';
import type { Rung, Rule, Step } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Run, StepFailure, StepRecord } from '../domain/state.ts';
import { claimAll, touchKey } from './claims.ts';
import { endRun, type Ending } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import type { StepResult } from './event.ts';
import { journalOf } from './journal.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { tell } from './story.ts';
import { EXPECT_INTERVAL_MS, MAX_BACKOFF_MS, TOUCH_INTERVAL_MS } from './timing.ts';
import { beginVerifying } from './verify.ts';
import { failureOf, playbookScope, viewsOf, walkOpenPlaybooks, walkSteps, type StepPlace, type Walk } from './walk-playbook.ts';
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
        if (state === 'unknown') return void endRun(world, run, { outcome: 'interrupted', reason: 'step_unknown' }, context, `step ${stepId}: ${error.message}`);
        if (error.code === 'approval_unavailable') return begin(world, run, { outcome: 'cancelled', reason: 'approval_unavailable' }, context, `step ${stepId}: ${error.message}`);
        return begin(world, run, { outcome: 'failed', reason: error.code }, context, `step ${stepId}: ${error.message}`);
      }
      if (run.cancelledBy !== null) return void stopEarly(world, run, context);
      return stepsDone(world, run, rule, context);
  }
}

/** Walks the steps of a rung with the scope its playbook has. A playbook's parameters are rendered once and journaled. */
function walkRung(world: World, run: Run, rung: Rung, context: DecisionContext): Walk {
  const journal = journalOf(world, run, context.now);
  return walkSteps(rung.playbook.steps, `${run.rung}:steps/`, rungScope(world, run, run.rung, rung, context), journal);
}

function rungScope(world: World, run: Run, index: number, rung: Rung, context: DecisionContext): Scope {
  const scope = scopeOfRun(run, context.now);
  if (rung.playbook.name === '') return scope;
  const journal = journalOf(world, run, context.now);
  const address = `${index}:playbook`;
  const entry = journal.get(address) ?? journal.write({ address, id: 'playbook', uses: `playbook/${rung.playbook.name}`, state: 'succeeded', params: rung.render(scope) });
  return playbookScope(scope, entry.params ?? {});
}

/** Between steps: a cancel, the end of the alerts or of the time stops the run before it does anything more. */
function stopEarly(world: World, run: Run, context: DecisionContext): boolean {
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

/** Starts (or starts again) the work of a journaled step. */
function launch(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const call = callOf(run, record, step, context);
  if (call === undefined) return;
  const common = { runId: run.id, address: record.address, attempt: record.attempts, call };
  const kind = record.effect === 'read' ? 'read' : 'plan';
  world.effects.push({ kind, ...common });
}

/** A call never outlives the time of its run; `finally` has a step's own time. */
function callOf(run: Run, record: StepRecord, step: Step, { now }: DecisionContext): RemediationCallInput | undefined {
  if (step.call.kind !== 'remediation') return undefined;
  const left = run.ending !== null || run.deadlineAt === null ? Infinity : Math.max(1, run.deadlineAt - now);
  return {
    remediation: step.call.remediation,
    connection: record.connection ?? undefined,
    params: record.params ?? {},
    // The address, not the id: rounds of a `for_each` are different calls.
    stepId: record.address,
    timeoutMs: Math.min(step.timeoutMs, left),
  };
}

/** A changing step's plan is known: it is claimed and journaled, and only then done. */
export function takePlan(world: World, run: Run, record: StepRecord, plan: Plan, context: DecisionContext): void {
  const { now } = context;
  const place = locate(world, run, record, context);
  if (place === undefined) return giveUp(world, run, record, context);
  if (record.stage !== 'planning') return;
  const { step, rule } = place;
  const journal = journalOf(world, run, now);
  if (run.ending === null && stopEarlyAtPlan(world, run, record, plan, context)) return;
  const refuse = (failure: StepFailure): void => {
    journal.write({ ...record, state: 'failed', plan, error: failure });
    tellStep(world, run, record, 'failed', plan, failure, now);
    advance(world, run, context);
  };
  if (record.plan !== null && !isSameIntent(record.plan, plan)) {
    return refuse({ code: 'precondition_failed', message: `what it would act on is no longer the same: ${plan.summary}`, happened: 'nothing' });
  }
  const needs = approvalNeeded(rule, step, record, world, run);
  if (needs !== undefined) {
    return refuse({ code: 'approval_unavailable', message: `would ${plan.summary}, but ${needs}; this version cannot ask for approvals`, happened: 'nothing' });
  }
  const holder = claimAll(world, run, plan.touches.map(touchKey), now);
  if (holder !== undefined) {
    // The steps are bounded by the time of their run; `finally` would wait for ever for what is in quarantine.
    if (run.ending !== null && now - record.startedAt >= step.timeoutMs) {
      return refuse({ code: 'timeout', message: `${plan.touches.join(', ')} is taken by run ${holder}`, happened: 'nothing' });
    }
    // A try that had to wait is none.
    journal.write({ ...record, stage: 'waiting', attempts: record.attempts - 1, wakeAt: now + TOUCH_INTERVAL_MS });
    world.putRun({ ...run, reason: 'target_busy', wakeAt: now + TOUCH_INTERVAL_MS });
    return;
  }
  // A plan that found nothing to do changes nothing: it does not count as acting.
  const acts = plan.count !== 0;
  const acting = journal.write({ ...record, stage: 'acting', plan, actingAt: now });
  world.putRun({ ...run, reason: null, wakeAt: null, actingAt: acts ? (run.actingAt ?? now) : run.actingAt, rungActed: run.rungActed || acts });
  const call = callOf(run, acting, step, context);
  if (call !== undefined) world.effects.push({ kind: 'act', runId: run.id, address: acting.address, attempt: acting.attempts, call, plan });
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

/** Why a person would have to be asked before this change; `undefined` when nobody has to. */
function approvalNeeded(rule: Rule, step: Step, record: StepRecord, world: World, run: Run): string | undefined {
  if (step.approval !== undefined) return 'the step asks for an approval';
  if (record.effect === 'destructive' && !rule.safety.allowDestructive) return `${record.uses} is destructive and the rule does not say allow_destructive`;
  const isFirstChange = ![...world.stepsOf(run.id).values()].some((other) => other.address !== record.address && other.actingAt !== null);
  // A rule that observes comes so far only by a person's word: a retry, or an override of its gate.
  if (rule.mode !== 'auto' && isFirstChange) return `the rule is in mode ${rule.mode}`;
  return undefined;
}

/** A step's work is over, well or not. A late answer of an earlier attempt changes nothing. */
export function takeResult(world: World, run: Run, record: StepRecord, result: StepResult, plan: Plan | undefined, context: DecisionContext): void {
  const { now } = context;
  const place = locate(world, run, record, context);
  if (place === undefined) return giveUp(world, run, record, context);
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
  finishStep(world, run, { ...known, output: result.output }, failure === undefined ? 'succeeded' : 'failed', failure ?? null, context);
}

function canWait(record: StepRecord, now: number): boolean {
  return record.effect === 'read' && record.expectUntil !== null && now < record.expectUntil;
}

function takeFailure(world: World, run: Run, record: StepRecord, step: Step, failure: StepFailure, context: DecisionContext): void {
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
  const isUnknown = !isCertain && remediation?.inDoubt !== 'repeat';
  finishStep(world, run, record, isUnknown ? 'unknown' : 'failed', failure, context);
}

/** Failures that another attempt may not meet. The others say the same however often they are asked. */
const RETRYABLE: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'rejected', 'invalid_response', 'precondition_failed', 'not_found']);

function backoff(baseMs: number, attempts: number, random: number): number {
  const cap = Math.min(baseMs * 2 ** (attempts - 1), MAX_BACKOFF_MS);
  return Math.round(cap / 2 + (random * cap) / 2);
}

function look(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const call = callOf(run, record, step, context);
  if (call === undefined || record.plan === null) return;
  world.effects.push({ kind: 'look', runId: run.id, address: record.address, attempt: record.attempts, call, plan: record.plan, actingAt: record.actingAt ?? record.startedAt });
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
      if (record.attempts < Math.max(place.step.retry.attempts, record.error === null ? 2 : 1)) return startAgain(world, run, record, place.step, context);
      return finishStep(world, run, record, 'failed', record.error ?? { code: 'aborted', message: 'it was not done', happened: 'nothing' }, context);
    case 'unknown':
      return finishStep(world, run, record, 'unknown', record.error ?? { code: 'unknown_outcome', message: 'nobody can tell whether it happened', happened: 'unknown' }, context);
  }
}

function startAgain(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const params = withinLimit(record);
  if (params === undefined) {
    const failure: StepFailure = { code: 'over_limit', message: 'earlier attempts may have used up the limit of the step', happened: 'unknown' };
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
  world.putRun({ ...run, wakeAt: null, reason: null });
  launch(world, run, again, step, context);
}

/** `limit` holds over all attempts: what an attempt may have changed counts, whether it did or not. */
function withinLimit(record: StepRecord): StepRecord['params'] | undefined {
  const limit = record.params?.['limit'];
  const used = record.actingAt === null || record.error?.happened === 'nothing' ? 0 : (record.plan?.count ?? 0);
  if (typeof limit !== 'number' || used === 0) return record.params;
  return limit > used ? { ...record.params, limit: limit - used } : undefined;
}

function finishStep(world: World, run: Run, record: StepRecord, state: 'succeeded' | 'failed' | 'unknown', failure: StepFailure | null, context: DecisionContext): void {
  const { now } = context;
  journalOf(world, run, now).write({ ...record, state, error: failure });
  tellStep(world, run, record, state, record.plan, failure, now);
  world.putRun({ ...run, wakeAt: null });
  advance(world, run, context);
}

function tellStep(world: World, run: Run, record: StepRecord, state: string, plan: Plan | null, failure: StepFailure | null, now: number): void {
  const what = plan?.summary ?? record.uses;
  const why = failure === null ? '' : `: ${failure.code}: ${failure.message}`;
  tell(world, run.incidentId, now, 'step', `${record.id}: ${state}: ${what}${why}`, { runId: run.id, ...(failure === null ? {} : { reason: failure.code }) });
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

/** Time has passed for a running run: a step that waits starts again, or the run's time is up. */
export function wakeRunning(world: World, given: Run, context: DecisionContext): void {
  const { now } = context;
  const records = [...world.stepsOf(given.id).values()].filter((record) => record.state === 'running');
  const waiting = records.find((record) => record.wakeAt !== null && record.wakeAt <= now);
  // A person's word may wake it before a step that waits is due; that step must still be woken then.
  const nextAt = Math.min(...records.flatMap(({ wakeAt }) => (wakeAt === null || wakeAt <= now ? [] : [wakeAt])));
  const run = world.putRun({ ...given, wakeAt: nextAt === Infinity ? null : nextAt });
  if (waiting === undefined) return advance(world, run, context);
  const place = locate(world, run, waiting, context);
  if (place === undefined) return giveUp(world, run, waiting, context);
  if (waiting.stage === 'looking') {
    world.putStep({ ...waiting, wakeAt: null });
    world.putRun({ ...run, wakeAt: null });
    return look(world, run, waiting, place.step, context);
  }
  if (run.ending === null && stopWaiting(world, run, waiting, context)) return;
  startAgain(world, run, waiting, place.step, context);
}

/** Ends a step that waits, if its run is to stop: else it would start again after the run went on to something else. */
function stopWaiting(world: World, run: Run, waiting: StepRecord, context: DecisionContext): boolean {
  journalOf(world, run, context.now).write({ ...waiting, state: waiting.error === null ? 'skipped' : 'failed' });
  if (stopEarly(world, run, context)) return true;
  world.putStep(waiting);
  return false;
}

/** The rule that a run was claimed with cannot be read any more: nobody knows its steps, and a change is in doubt. */
function giveUp(world: World, run: Run, record: StepRecord, context: DecisionContext): void {
  const isInDoubt = record.effect !== 'read' && record.actingAt !== null;
  const failure: StepFailure = {
    code: isInDoubt ? 'unknown_outcome' : 'aborted',
    message: 'the rule it was claimed with is no longer known',
    happened: isInDoubt ? 'unknown' : 'nothing',
  };
  journalOf(world, run, context.now).write({ ...record, state: isInDoubt ? 'unknown' : 'failed', error: failure });
  endRun(world, run, { outcome: isInDoubt ? 'interrupted' : 'failed', reason: 'rule_removed' }, context, failure.message);
}

/** Where a journaled step stands in the rule that its run was claimed with, and what its expressions see. */
function locate(world: World, run: Run, record: StepRecord, context: DecisionContext): { step: Step; scope: Scope; rule: Rule } | undefined {
  const rule = context.claimedRule(run);
  if (rule === undefined) return undefined;
  const journal = journalOf(world, run, context.now);
  const match = /^(\d+):(steps|finally)\/(.+)$/.exec(record.address);
  const rung = match === null ? undefined : rule.rungs[Number(match[1])];
  if (match === null || rung === undefined) return undefined;
  const index = Number(match[1]);
  let scope: Scope = rungScope(world, run, index, rung, context);
  const isFinally = match[2] === 'finally';
  if (isFinally) scope = { ...scope, steps: viewsOf(rung.playbook.steps, `${index}:steps/`, journal) };
  let steps = isFinally ? rung.playbook.finally : rung.playbook.steps;
  let prefix = `${index}:${match[2] ?? ''}/`;
  const parts = (match[3] ?? '').split('/');
  for (let depth = 0; depth < parts.length; depth += 1) {
    if (parts[depth] === 'finally') {
      prefix += 'finally/';
      continue;
    }
    const [, id, round] = /^([^[]+)(?:\[(\d+)\])?$/.exec(parts[depth] ?? '') ?? [];
    const step = steps.find((candidate) => candidate.id === id);
    if (step === undefined || id === undefined) return undefined;
    const views = viewsOf(steps, prefix, journal);
    const address = `${prefix}${parts[depth] ?? ''}`;
    const parent = round === undefined ? undefined : world.stepsOf(run.id).get(`${prefix}${id}`);
    const item = round === undefined ? undefined : parent?.items?.[Number(round)];
    scope = { ...scope, steps: { ...scope.steps, ...views }, ...(item === undefined ? {} : { item }) };
    if (depth === parts.length - 1) return { step, scope, rule };
    if (step.call.kind !== 'playbook') return undefined;
    scope = playbookScope(scope, world.stepsOf(run.id).get(address)?.params ?? {});
    const { playbook } = step.call;
    prefix = `${address}/`;
    if (parts[depth + 1] === 'finally') scope = { ...scope, steps: viewsOf(playbook.steps, prefix, journal) };
    steps = parts[depth + 1] === 'finally' ? playbook.finally : playbook.steps;
  }
  return undefined;
}

function stepsDone(world: World, run: Run, rule: Rule, context: DecisionContext): void {
  if (run.rungActed) {
    const hasAlert = run.lineId !== null;
    if (rule.verify !== undefined || hasAlert) return beginVerifying(world, run, rule, context);
    return begin(world, run, { outcome: 'completed', reason: null }, context);
  }
  if (run.readsOnly || run.lineId === null) return begin(world, run, { outcome: 'completed', reason: null }, context);
  if (nextRung(world, run, rule, 'there was nothing to do', context)) return;
  if (run.actingAt !== null) return begin(world, run, { outcome: 'ineffective', reason: 'nothing_to_do' }, context, 'the last fallback found nothing to do');
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
  tell(world, run.incidentId, now, 'fallback', `${run.target}: ${why}; fallback ${next.rung} of ${rule.rungs.length - 1}`, { runId: run.id });
  advance(world, next, context);
  return true;
}

/** Begins the end of a run: `finally` first, whatever happened. */
export function begin(world: World, run: Run, ending: Ending, context: DecisionContext, detail = ''): void {
  const current = world.run(run.id) ?? run;
  const rule = context.claimedRule(current);
  const hasFinally = rule?.rungs.slice(0, current.rung + 1).some((rung) => rung.playbook.finally.length > 0) ?? false;
  const hasOpenPlaybooks = [...world.stepsOf(run.id).values()].some((record) => record.state === 'running' && record.stage === 'children');
  if (!hasFinally && !hasOpenPlaybooks) return void endRun(world, current, ending, context, detail);
  if (detail !== '') tell(world, current.incidentId, context.now, 'note', `${current.target}: ${ending.outcome}: ${detail}`, { runId: current.id });
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

/**
 * After a crash: work that was under way is started again where that is safe, looked for where it can be seen, and
 * otherwise left to a person.
 */
export function recoverStep(world: World, run: Run, record: StepRecord, downtimeMs: number, longestMs: number, context: DecisionContext): void {
  const { now } = context;
  const place = locate(world, run, record, context);
  if (place === undefined) return giveUp(world, run, record, context);
  const { step } = place;
  if (record.stage === 'waiting') return;
  const wasActing = record.effect !== 'read' && (record.stage === 'acting' || record.stage === 'looking');
  tell(world, run.incidentId, now, 'recovered', `${run.target}: the daemon was gone for ${formatDuration(downtimeMs)} while step ${record.id} was under way`, { runId: run.id });
  if (!wasActing) return launch(world, run, record, step, context);
  const inDoubt = step.call.kind === 'remediation' ? step.call.remediation.inDoubt : 'ask';
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  // What `finally` puts right is to be put right whether or not the alert still fires.
  const stillFires = run.ending !== null || line === undefined || line.firing > 0;
  if (inDoubt === 'look') {
    const looking = journalOf(world, run, now).write({ ...record, stage: 'looking', wakeAt: null });
    return look(world, run, looking, step, context);
  }
  if (inDoubt === 'repeat' && downtimeMs < longestMs && stillFires) return startAgain(world, run, record, step, context);
  finishStep(world, run, record, 'unknown', { code: 'unknown_outcome', message: 'the daemon was gone while it was under way', happened: 'unknown' }, context);
}

/** What a thrown value means for a step. */
export function stepFailure(error: unknown): StepFailure {
  if (error instanceof StepError) return { code: error.code, message: error.message, happened: error.happened };
  return { code: 'internal_error', message: error instanceof Error ? error.message : String(error), happened: 'unknown' };
}
