import { formatDuration } from '../domain/duration.ts';
import { UNSUCCESSFUL, type Outcome, type Reason } from '../domain/reason.ts';
import type { StepErrorCode } from '../domain/remediation.ts';
import type { Rule } from '../domain/rule.ts';
import type { Run } from '../domain/state.ts';
import { quarantineClaims, releaseClaims } from './claims.ts';
import { createRun } from './create-run.ts';
import type { DecisionContext } from './decision-context.ts';
import { runEnded } from './escalation.ts';
import { closeQuestion, openQuestion } from './open-question.ts';
import { isFinally } from './step-address.ts';
import { escalate, tell } from './story.ts';
import { WAKE_BATCH } from './timing.ts';
import type { World } from './world.ts';

export interface Ending {
  readonly outcome: Outcome;
  readonly reason: Reason | StepErrorCode | null;
}

/** What a release may let go on. */
const WAITING_FOR_A_RELEASE: readonly Reason[] = ['target_busy', 'blast_radius', 'concurrency'];

/** Ends a run: releases what it claimed (or keeps it in quarantine), counts it, and tells people what they need to know. */
export function endRun(world: World, run: Run, ending: Ending, context: DecisionContext, detail = ''): Run {
  const { now } = context;
  const isQuarantined = ending.outcome === 'interrupted';
  const hasRecurred = ending.outcome === 'verified' && isPast(world, run);
  const ended = world.putRun({
    ...run,
    state: 'ended',
    outcome: ending.outcome,
    reason: ending.reason,
    endedAt: now,
    wakeAt: null,
    ending: null,
    quarantined: isQuarantined,
    recurred: hasRecurred,
  });
  const question = openQuestion(world, run);
  if (question !== undefined) closeQuestion(world, run, question, { state: 'void', reason: 'the run has ended' }, now);
  if (isQuarantined) quarantineClaims(world, run.id);
  else releaseClaims(world, run.id);
  if (run.startedAt !== null) world.wakeHeld(WAITING_FOR_A_RELEASE, WAKE_BATCH, now);

  const why = ending.reason === null ? '' : ` (${ending.reason})`;
  tell(
    world,
    run.incidentId,
    now,
    ending.outcome === 'suppressed' ? 'run_suppressed' : 'run_ended',
    `${run.target}: ${ending.outcome}${why}${detail === '' ? '' : `: ${detail}`}`,
    {
      runId: run.id,
      ...(ending.reason === null ? {} : { reason: ending.reason }),
    },
  );
  world.signals.push({
    kind: 'run_ended',
    rule: run.rule,
    outcome: ending.outcome,
    reason: ending.reason,
    runId: run.id,
    incidentId: run.incidentId,
  });

  const rule = context.claimedRule(run) ?? context.rules.byName(run.rule);
  if (rule !== undefined && run.actingAt !== null) updateBreaker(world, rule, context);
  const didNothing = ending.outcome === 'completed' && ending.reason === 'nothing_to_do';
  // Whoever resolved the incident is a person who knows.
  const isKnown = ending.reason === 'dismissed';
  if ((UNSUCCESSFUL.includes(ending.outcome) && !isKnown) || didNothing) {
    escalate(
      world,
      run.incidentId,
      ending.reason ?? ending.outcome,
      `${run.target}: the run ended ${ending.outcome}${why}${detail === '' ? '' : `: ${detail}`}`,
      context,
      run.id,
    );
  }
  closeJournal(world, ended, context);
  if (!beginNextEpisode(world, ended, context)) watchLine(world, ended, context);
  const incident = run.incidentId === null ? undefined : world.incident(run.incidentId);
  if (incident !== undefined && incident.status !== 'resolved' && incident.firing === 0 && incident.quietSince !== null) {
    world.putIncident({ ...incident, wakeAt: Math.max(now, incident.quietSince + context.limits.settleMs) });
  }
  runEnded(world, ended, context);
  return ended;
}

/** Closes what the run was in the middle of, and tells people of a `finally` that failed: it never changes the outcome. */
function closeJournal(world: World, run: Run, context: DecisionContext): void {
  const { now } = context;
  const records = [...world.stepsOf(run.id).values()];
  for (const record of records) {
    if (record.state !== 'running') continue;
    const error = record.error ?? {
      code: 'aborted' as const,
      message: 'the run ended before it was over',
      happened: 'nothing' as const,
    };
    world.putStep({ ...record, state: 'failed', stage: null, error, endedAt: now, wakeAt: null });
  }
  const failed = records.find(({ address, state }) => isFinally(address) && (state === 'failed' || state === 'unknown'));
  if (failed === undefined) return;
  escalate(
    world,
    run.incidentId,
    'finally_failed',
    `${run.target}: finally failed: ${failed.id}: ${failed.error?.message ?? failed.state}`,
    context,
    run.id,
  );
}

/** Whether the line began a new episode that this run does not answer for: it was on its way to its end by then. */
function isPast(world: World, run: Run): boolean {
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  return line !== undefined && line.firing > 0 && line.episode > run.lineEpisode;
}

/** A line that fired again while its run was ending gets the run that it could not get then. */
function beginNextEpisode(world: World, run: Run, context: DecisionContext): boolean {
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  if (line === undefined || !isPast(world, run)) return false;
  if (run.recurred)
    tell(world, run.incidentId, context.now, 'recurred', `${run.target}: it fires again; the verified fix did not last`, {
      runId: run.id,
    });
  const rule = context.rules.byName(run.rule);
  if (rule !== undefined) createRun(world, line, rule, { trigger: 'alert', actor: null }, context);
  else
    escalate(
      world,
      run.incidentId,
      'rule_removed',
      `${run.target}: it fires again, but its rule ${run.rule} is gone; nothing will act`,
      context,
      run.id,
    );
  return true;
}

/** A verified run whose alert still fires is not the end of the story: people are told if it goes on. */
function watchLine(world: World, run: Run, { now }: DecisionContext): void {
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  if (line === undefined || run.outcome !== 'verified' || line.firing === 0) return;
  const watchUntil = Math.max(now, run.verifyDeadlineAt ?? now);
  world.putLine({ ...line, watchUntil });
  const incident = world.incident(line.incidentId);
  if (incident !== undefined) world.putIncident({ ...incident, wakeAt: Math.min(incident.wakeAt ?? Infinity, watchUntil) });
}

/** Opens the rule's breaker when too many of its acting runs did not fix it. It stays open until a person re-arms it. */
export function updateBreaker(world: World, rule: Rule, { now }: DecisionContext): void {
  const breaker = world.breaker(rule.name) ?? { rule: rule.name, openedAt: null, rearmedAt: 0, rearmedBy: null };
  if (breaker.openedAt !== null) return;
  const { count, windowMs } = rule.safety.breaker;
  const since = Math.max(breaker.rearmedAt, now - windowMs);
  const failures = world
    .briefs()
    .filter((run) => run.rule === rule.name && run.actingAt !== null && run.endedAt !== null && run.endedAt > since)
    .filter((run) => run.recurred || (run.outcome !== null && UNSUCCESSFUL.includes(run.outcome)));
  if (failures.length < count) return;
  world.putBreaker({ ...breaker, openedAt: now });
  const text = `the breaker of ${rule.name} is open: ${failures.length} runs in ${formatDuration(windowMs)} did not fix it; re-arm it with: remedyd breaker rearm ${rule.name}`;
  for (const incidentId of new Set(failures.map((run) => world.run(run.id)?.incidentId ?? null))) {
    tell(world, incidentId, now, 'note', text, { reason: 'breaker_open' });
  }
}
