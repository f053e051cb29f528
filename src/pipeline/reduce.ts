import type { Reason } from '../domain/reason.ts';
import type { Rule } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Run } from '../domain/state.ts';
import { approve, ask, reject } from './approvals.ts';
import * as commands from './commands.ts';
import { correlate } from './correlate.ts';
import type { DecisionContext } from './decision-context.ts';
import { auditEntry } from './audit-entry.ts';
import type { CheckResult, Command, CommandAnswer, PipelineEvent } from './event.ts';
import type { Gate } from './gates/gate.ts';
import { wakeIncident } from './incident.ts';
import { settleRunWithoutAlerts } from './incident-of-run.ts';
import * as incidentCommands from './incident-commands.ts';
import { runByHand } from './run-by-hand.ts';
import { journalOf } from './journal.ts';
import { judge } from './judge.ts';
import { closeStale, reconcile } from './reconcile.ts';
import { isWaiting } from './open-question.ts';
import { recoverStep } from './recover-step.ts';
import { takeReport } from './report-alert.ts';
import { begin, nextRung } from './run-playbook.ts';
import { postMessage } from './post-message.ts';
import { scheduledRunEnded } from './scheduled-run-ended.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { tell } from './story.ts';
import { syncSchedules, takeTicks } from './take-ticks.ts';
import { takePlan } from './take-plan.ts';
import { takeLook, takeResult } from './take-result.ts';
import { CALM_MS, LONG_DOWNTIME_MS, REPEAT_AFTER_DOWNTIME_MS, WAKE_BATCH } from './timing.ts';
import { wakeRunning } from './wake-running.ts';
import { wakeWaiting } from './waiting-run.ts';
import { judgeConditions, pollChecks, verifyOf } from './verify.ts';
import { viewsOf } from './walk-playbook.ts';
import type { World } from './world.ts';

/** What a tick wakes: holds whose end no single event announces. */
const WOKEN_BY_TICK: readonly Reason[] = ['target_busy', 'blast_radius', 'concurrency', 'cause_firing'];

/**
 * The decision core. Applies one event to the world: writes to the draft, effects to start after the commit, signals
 * for metrics and logs. Deterministic in (world, event, context); touches nothing else.
 */
export function reduce(
  world: World,
  event: PipelineEvent,
  context: DecisionContext,
  gates?: readonly Gate[],
): CommandAnswer | undefined {
  const before = world.signals.length;
  const answer = decide(world, event, context, gates);
  for (const signal of world.signals.slice(before)) {
    if (signal.kind !== 'run_ended') continue;
    withRun(world, signal.runId, (run) => {
      scheduledRunEnded(world, run);
      settleRunWithoutAlerts(world, run, context);
    });
  }
  return answer;
}

function decide(
  world: World,
  event: PipelineEvent,
  context: DecisionContext,
  gates: readonly Gate[] | undefined,
): CommandAnswer | undefined {
  if ('actor' in event) return takeCommand(world, event, context);
  applyEvent(world, event, context, gates);
  return undefined;
}

/** Takes what a person says, once, and keeps it in the audit log with its answer. */
function takeCommand(world: World, event: Command, context: DecisionContext): CommandAnswer {
  const { requestId } = event.actor;
  if (requestId !== undefined && !world.takeRequest(requestId, context.now))
    return { ok: false, code: 'conflict', text: 'this request was taken already' };
  const answer = command(world, event, context);
  world.audit(auditEntry(event, answer, context.now));
  return answer;
}

/** What a person says, and what comes of it. */
function command(world: World, event: Command, context: DecisionContext): CommandAnswer {
  switch (event.kind) {
    case 'acknowledge':
      return commands.acknowledge(world, event, context);
    case 'cancel':
      return commands.cancel(world, event, context);
    case 'retry':
      return commands.retry(world, event, context);
    case 'resolve':
      return commands.resolve(world, event, context);
    case 'pause':
      return commands.pause(world, event, context);
    case 'resume':
      return commands.resume(world, event, context);
    case 'rearm':
      return commands.rearm(world, event, context);
    case 'approve':
      return approve(world, event, context);
    case 'reject':
      return reject(world, event, context);
    case 'escalate':
      return incidentCommands.escalateByHand(world, event, context);
    case 'note':
      return incidentCommands.note(world, event, context);
    case 'set':
      return incidentCommands.set(world, event, context);
    case 'run_by_hand':
      return runByHand(world, event, context);
    case 'report':
      return takeReport(world, event, context);
    case 'recorded':
      return event.answer;
  }
}

/** What happens without anybody waiting for an answer. */
function applyEvent(
  world: World,
  event: Exclude<PipelineEvent, Command>,
  context: DecisionContext,
  gates: readonly Gate[] | undefined,
): void {
  switch (event.kind) {
    case 'alerts':
      return correlate(world, event, context);
    case 'wake_run':
      return withRun(world, event.runId, (run) => wakeRun(world, run, context, gates));
    case 'wake_incident': {
      const incident = world.incident(event.incidentId);
      if (incident !== undefined) wakeIncident(world, incident, context);
      return;
    }
    case 'tick':
      return tick(world, context);
    case 'planned':
      return withStep(world, event, (run, record) => takePlan(world, run, record, event.plan, context));
    case 'step_ended':
      return withStep(world, event, (run, record) => takeResult(world, run, record, event.result, event.plan, context));
    case 'looked':
      return withStep(world, event, (run, record) => takeLook(world, run, record, event.look, context));
    case 'checked':
      return withRun(world, event.runId, (run) => takeChecks(world, run, event.rung, event.results, context));
    case 'previewed':
      return withRun(world, event.runId, (run) => {
        for (const step of event.steps)
          tell(world, run.incidentId, context.now, 'step', `${step.id}: ${step.summary}`, {
            runId: run.id,
            reason: 'observe_mode',
          });
      });
    case 'message':
      return withRun(world, event.runId, (run) => postMessage(world, run, event, context));
    case 'scheduled':
      return takeTicks(world, context);
    case 'recovered':
      return withRun(world, event.runId, (run) => recoverRun(world, run, context));
    case 'foreseen':
      return withStep(world, event, (run, record) => ask(world, run, record, event.steps, context));
    case 'undeliverable':
      return incidentCommands.giveUpNotification(world, event, context);
    case 'rules_changed':
      syncSchedules(world, context);
      return world.wakeAllHeld(context.now);
    case 'reconciled':
      return reconcile(world, event, context);
    case 'stale':
      return closeStale(world, event.alertKeys, context);
    case 'booted':
      syncSchedules(world, context);
      return world.putSwitches({ ...world.switches, bootAt: context.now, downtimeMs: event.downtimeMs });
  }
}

function withRun(world: World, runId: string, act: (run: Run) => void): void {
  const run = world.run(runId);
  if (run !== undefined) act(run);
}

/** Answers of an attempt that is no longer under way change nothing. */
function withStep(
  world: World,
  event: { readonly runId: string; readonly address: string; readonly attempt: number },
  act: (run: Run, record: Parameters<typeof takePlan>[2]) => void,
): void {
  const run = world.run(event.runId);
  const record = world.stepsOf(event.runId).get(event.address);
  if (run?.state !== 'running' || record?.state !== 'running' || record.attempts !== event.attempt) return;
  act(run, record);
}

function wakeRun(world: World, run: Run, context: DecisionContext, gates: readonly Gate[] | undefined): void {
  switch (run.state) {
    case 'pending':
    case 'held':
      return isWaiting(run) ? wakeWaiting(world, run, context) : judge(world, run, context, gates);
    case 'running':
      return wakeRunning(world, run, context);
    case 'verifying':
      return verify(world, run, context);
    case 'ended':
      return;
  }
}

function verify(world: World, run: Run, context: DecisionContext): void {
  const rule = context.claimedRule(run);
  if (rule === undefined) return begin(world, run, { outcome: 'inconclusive', reason: 'rule_removed' }, context);
  if (verifyOf(rule).checks.length === 0) return takeChecks(world, run, run.rung, [], context);
  pollChecks(world, run, rule, verifyScope(world, run, rule, context), context);
}

/** The checks of `verify` see what the rule sees, and the steps of the rung that was just done. */
function verifyScope(world: World, run: Run, rule: Rule, context: DecisionContext): Scope {
  const scope = scopeOfRun(run, context.now);
  const rung = rule.rungs[run.rung];
  if (rung?.playbook.name !== '') return scope;
  return { ...scope, steps: viewsOf(rung.playbook.steps, `${run.rung}:steps/`, journalOf(world, run, context.now)) };
}

function takeChecks(world: World, run: Run, rung: number, results: readonly CheckResult[], context: DecisionContext): void {
  if (run.state !== 'verifying' || run.rung !== rung) return;
  const rule = context.claimedRule(run);
  if (rule === undefined) return begin(world, run, { outcome: 'inconclusive', reason: 'rule_removed' }, context);
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  const decision = judgeConditions(run, rule, line, results, verifyScope(world, run, rule, context), context.now);
  switch (decision.kind) {
    case 'wait':
      world.putRun(decision.run);
      return;
    case 'verified':
      return begin(
        world,
        { ...world.putRun({ ...run, evidence: decision.evidence }) },
        { outcome: 'verified', reason: null },
        context,
        describeFix(run, rule, decision.evidence),
      );
    case 'missed': {
      tell(world, run.incidentId, context.now, 'check', `${run.target}: ${decision.detail}`, {
        runId: run.id,
        reason: 'verification_failed',
      });
      if (run.cancelledBy === null && nextRung(world, run, rule, decision.detail, context)) return;
      const reason = decision.outcome === 'ineffective' ? 'verification_failed' : 'verification_unknown';
      return begin(world, run, { outcome: decision.outcome, reason }, context, decision.detail);
    }
  }
}

/** Which rung fixed it, where there were several tries, and who says so. */
function describeFix(run: Run, rule: Rule, evidence: Run['evidence']): string {
  const fix = run.rung === 0 ? [] : [`fixed by fallback ${run.rung} of ${rule.rungs.length - 1}`];
  return [...fix, ...(evidence === 'alert' ? ['evidence: the alert alone'] : [])].join('; ');
}

/** Looks at the switches, and at what is held for something that no event announces. */
function tick(world: World, { now, limits }: DecisionContext): void {
  const { pausedAt, pausedUntil, stormSince, calmSince } = world.switches;
  if (pausedAt !== null && pausedUntil !== null && pausedUntil <= now) {
    world.putSwitches({ ...world.switches, pausedAt: null, pausedUntil: null, pausedBy: null, pauseReason: null });
  }
  if (stormSince !== null) {
    const { newEpisodes, actingRuns } = world.counts;
    const isCalm = newEpisodes < limits.storm.count / 2 && actingRuns < limits.maxRuns.count / 2;
    if (!isCalm && calmSince !== null) world.putSwitches({ ...world.switches, calmSince: null });
    else if (isCalm && calmSince === null) world.putSwitches({ ...world.switches, calmSince: now });
    else if (isCalm && calmSince !== null && now - calmSince >= CALM_MS)
      world.putSwitches({ ...world.switches, stormSince: null, calmSince: null });
  }
  const free: Reason[] = [...WOKEN_BY_TICK];
  if (world.switches.stormSince === null) free.push('storm');
  if (world.switches.pausedAt === null) free.push('paused');
  world.wakeHeld(free, WAKE_BATCH, now);
}

/** After a start: what was under way is decided anew from the journal. Due times that are rows need nothing. */
function recoverRun(world: World, run: Run, context: DecisionContext): void {
  const { now } = context;
  const { downtimeMs } = world.switches;
  switch (run.state) {
    case 'pending':
    case 'held':
      if (isWaiting(run)) return;
      if (downtimeMs > LONG_DOWNTIME_MS)
        world.putRun({ ...run, delayFrom: now, delayDone: false, announcedAt: null, cancelWindowDone: false, wakeAt: now });
      return;
    case 'running': {
      const underWay = [...world.stepsOf(run.id).values()].find(
        (record) => record.state === 'running' && record.stage !== 'children',
      );
      if (underWay === undefined) world.putRun({ ...run, wakeAt: now });
      else recoverStep(world, run, underWay, downtimeMs, REPEAT_AFTER_DOWNTIME_MS, context);
      return;
    }
    case 'verifying':
      world.putRun({ ...run, wakeAt: now });
      return;
    case 'ended':
      return;
  }
}
