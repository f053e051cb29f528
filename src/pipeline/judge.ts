import type { GateName } from '../domain/reason.ts';
import type { Rule } from '../domain/rule.ts';
import type { GateVerdict, Run } from '../domain/state.ts';
import { endRun, updateBreaker } from './conclude.ts';
import type { DecisionContext } from './decision-context.ts';
import type { Candidate, Gate, Verdict } from './gates/gate.ts';
import { gates as allGates } from './gates/index.ts';
import { alertsOf, freezeAlerts, startRun } from './start-run.ts';
import { escalate, tell } from './story.ts';
import { GATE_ERROR_ESCALATION_MS, GATE_RETRY_MS, SCHEDULED_HOLD_MS } from './timing.ts';
import { noteUnheardAnnouncement } from './unheard-announcement.ts';
import type { World } from './world.ts';

/** Gates that, once satisfied, stay so for the run. */
const REMEMBERED: Readonly<Partial<Record<GateName, 'delayDone' | 'cancelWindowDone'>>> = {
  delay: 'delayDone',
  cancel_window: 'cancelWindowDone',
};

export interface JudgedGate {
  readonly gate: Gate;
  readonly verdict: Verdict;
  readonly isError: boolean;
}

/** What every gate that concerns this run says, in order. Changes nothing: `explain`, *Why?* and observe mode use it too. */
export function judgeGates(
  candidate: Candidate,
  world: World,
  context: DecisionContext,
  gates: readonly Gate[] = allGates,
): readonly JudgedGate[] {
  return gates
    .filter((gate) => concerns(gate, candidate.run))
    .map((gate) => {
      try {
        const verdict = gate.judge(candidate, world, context);
        return {
          gate,
          verdict: candidate.run.trigger === 'schedule' ? byTheClock(gate, verdict, candidate.run, context) : verdict,
          isError: false,
        };
      } catch (error) {
        const detail = `the gate cannot be evaluated: ${error instanceof Error ? error.message : String(error)}`;
        return {
          gate,
          verdict: { verdict: 'hold', detail, until: context.now + GATE_RETRY_MS, escalateAfterMs: GATE_ERROR_ESCALATION_MS },
          isError: true,
        };
      }
    });
}

function concerns(gate: Gate, run: Run): boolean {
  if (run.trigger === 'schedule' && gate.forSchedules === undefined) return false;
  return (gate.forReads || !run.readsOnly) && !run.overrides.includes(gate.name);
}

/** The clock comes again, so that what a gate would hold is skipped, at once or after a while. Nobody is called for it. */
function byTheClock({ forSchedules }: Gate, verdict: Verdict, { createdAt }: Run, { now }: DecisionContext): Verdict {
  if (verdict.verdict !== 'hold') return verdict;
  const { detail, until = Infinity } = verdict;
  const end = createdAt + SCHEDULED_HOLD_MS;
  if (forSchedules !== 'wait' || now >= end) return { verdict: 'suppress', detail };
  return { verdict: 'hold', detail, until: Math.min(until, end) };
}

/** Judges a pending or held run by the rule that is live now: it starts, holds, or ends. */
export function judge(world: World, run: Run, context: DecisionContext, gates: readonly Gate[] = allGates): void {
  const rule = context.rules.byName(run.rule);
  const incident = run.incidentId === null ? undefined : world.incident(run.incidentId);
  if (rule === undefined || rule.rungs.length === 0 || !stillMatches(world, run, rule)) {
    endRun(world, run, { outcome: 'suppressed', reason: 'rule_removed' }, context, 'the rule is gone, or no longer matches');
    escalate(
      world,
      run.incidentId,
      'rule_removed',
      `${run.target}: its rule ${run.rule} is gone or no longer matches; nothing else will act`,
      context,
      run.id,
    );
    return;
  }
  noticeStorm(world, context);
  updateBreaker(world, rule, context);
  const current: Run = { ...run, ruleDigest: rule.digest, mode: rule.mode, readsOnly: rule.readsOnly };
  const judged = judgeGates({ run: current, rule, incident }, world, context, gates);
  const verdicts = judged.map(({ gate, verdict }): GateVerdict => ({
    gate: gate.name,
    verdict: verdict.verdict,
    detail: verdict.detail,
  }));
  const remembered: Partial<Record<'delayDone' | 'cancelWindowDone', boolean>> = {};
  for (const { gate, verdict } of judged) {
    const field = REMEMBERED[gate.name];
    // The window counts only once the run was announced.
    if (
      field !== undefined &&
      verdict.verdict === 'proceed' &&
      (field === 'delayDone' || current.announcedAt !== null || rule.cancelWindowMs === 0)
    )
      remembered[field] = true;
  }
  const next: Run = { ...current, ...remembered, verdicts };
  const blocking = judged.find(({ verdict }) => verdict.verdict !== 'proceed');
  if (blocking === undefined) {
    world.signals.push({
      kind: 'gate',
      rule: rule.name,
      verdict: 'proceed',
      reason: 'proceed',
      runId: run.id,
      incidentId: run.incidentId,
    });
    noteUnheardAnnouncement(world, next, context.now);
    startRun(world, next, rule, context);
  } else if (blocking.verdict.verdict === 'suppress') {
    suppress(world, next, rule, blocking, context);
  } else if (blocking.verdict.verdict === 'hold') {
    hold(world, next, blocking.gate.name, blocking.verdict, blocking.isError, context);
  }
}

function stillMatches(world: World, run: Run, rule: Rule): boolean {
  if (run.trigger === 'manual' || run.trigger === 'schedule' || run.ruleDigest === rule.digest) return true;
  const alerts = alertsOf(world, run);
  return rule.onAlerts && (alerts.length === 0 || alerts.some((alert) => rule.matches(alert.content.labels)));
}

function suppress(world: World, run: Run, rule: Rule, { gate, verdict }: JudgedGate, context: DecisionContext): void {
  world.signals.push({
    kind: 'gate',
    rule: rule.name,
    verdict: 'suppress',
    reason: gate.name,
    runId: run.id,
    incidentId: run.incidentId,
  });
  // Whoever only watches a rule wants to know what else would have stopped it.
  const others = run.verdicts
    .filter((other) => gate.name === 'observe_mode' && other.gate !== gate.name && other.verdict !== 'proceed')
    .map((other) => `${other.gate} would ${other.verdict}`);
  const frozen = { ...run, frozen: freezeAlerts(world, run) };
  world.keepSnapshot(rule.digest, JSON.stringify(rule.snapshot));
  endRun(world, frozen, { outcome: 'suppressed', reason: gate.name }, context, [verdict.detail, ...others].join('; '));
  if (gate.name === 'observe_mode') world.effects.push({ kind: 'preview', runId: run.id });
}

function hold(
  world: World,
  run: Run,
  gate: GateName,
  verdict: Extract<Verdict, { verdict: 'hold' }>,
  isError: boolean,
  context: DecisionContext,
): void {
  const { now } = context;
  const reason = isError ? 'gate_error' : gate;
  const isNew = run.state !== 'held' || run.reason !== reason;
  const heldSince = isNew ? now : (run.heldSince ?? now);
  let escalatedFor = isNew ? null : run.escalatedFor;
  const escalateAt = verdict.escalateAfterMs === undefined ? undefined : heldSince + verdict.escalateAfterMs;
  const isAnnouncement = gate === 'cancel_window' && run.announcedAt === null;
  if (isNew) {
    tell(
      world,
      run.incidentId,
      now,
      isAnnouncement ? 'announced' : 'run_held',
      `${run.target}: held by ${gate}: ${verdict.detail}`,
      { runId: run.id, reason },
    );
    world.signals.push({ kind: 'gate', rule: run.rule, verdict: 'hold', reason, runId: run.id, incidentId: run.incidentId });
  }
  if (escalateAt !== undefined && escalateAt <= now && escalatedFor !== reason) {
    escalatedFor = reason;
    escalate(world, run.incidentId, reason, `${run.target}: held by ${gate}: ${verdict.detail}`, context, run.id);
  }
  const dueTimes = [verdict.until, escalatedFor === reason ? undefined : escalateAt].filter((at) => at !== undefined);
  world.putRun({
    ...run,
    state: 'held',
    reason,
    heldSince,
    escalatedFor,
    announcedAt: isAnnouncement ? now : run.announcedAt,
    wakeAt: dueTimes.length === 0 ? null : Math.min(...dueTimes),
  });
}

/** Remembers that a storm is on; `tick` ends it. */
function noticeStorm(world: World, { now, limits }: DecisionContext): void {
  if (world.switches.stormSince !== null) return;
  const { newEpisodes, actingRuns } = world.counts;
  if (newEpisodes > limits.storm.count || actingRuns >= limits.maxRuns.count)
    world.putSwitches({ ...world.switches, stormSince: now, calmSince: null });
}
