import { formatDuration } from '../domain/duration.ts';
import type { Incident, Run } from '../domain/state.ts';
import { releaseClaims } from './claims.ts';
import { endRun } from './conclude.ts';
import { createRun } from './create-run.ts';
import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, EventOf } from './event.ts';
import { promiseUpdate } from './escalation.ts';
import { gates } from './gates/index.ts';
import { closeIncident } from './incident.ts';
import { isWaiting } from './open-question.ts';
import { begin } from './run-playbook.ts';
import { refuse } from './refuse.ts';
import { tell } from './story.ts';
import { WAKE_BATCH } from './timing.ts';
import { endWait, withdrawQuestion } from './waiting-run.ts';
import type { World } from './world.ts';

function done(text: string): CommandAnswer {
  return { ok: true, text };
}

export function acknowledge(world: World, event: EventOf<'acknowledge'>, context: DecisionContext): CommandAnswer {
  const { now } = context;
  const incident = world.incident(event.incidentId);
  if (incident === undefined) return refuse('not_found', `there is no incident ${event.incidentId}`);
  if (incident.status === 'resolved') return refuse('conflict', `${incident.id} is resolved already`);
  if (incident.status === 'acknowledged')
    return refuse('conflict', `${incident.id} was acknowledged by ${incident.acknowledgedBy ?? 'somebody'}`);
  const { person } = event.actor;
  world.putIncident({ ...incident, status: 'acknowledged', acknowledgedAt: now, acknowledgedBy: person });
  promiseUpdate(world, incident.id, context);
  for (const run of world.runsOf(incident.id)) {
    // What waits for something is judged again now; gate `acknowledged` ends it. What is under way goes on.
    if (run.state === 'pending' || (run.state === 'held' && !isWaiting(run))) world.putRun({ ...run, wakeAt: now });
  }
  tell(world, incident.id, now, 'acknowledged', `${person} takes it; automation that has not started yields`, { actor: person });
  world.signals.push({ kind: 'acknowledged', incidentId: incident.id, afterMs: Math.max(0, now - incident.startedAt) });
  return done(`${incident.id} is acknowledged by ${person}`);
}

/** The run that a command means: the one that is named, or the only one that fits. */
function pickRun(
  world: World,
  incident: Incident,
  runId: string | undefined,
  fits: (run: Run) => boolean,
  what: string,
): Run | CommandAnswer {
  const runs = world.runsOf(incident.id);
  if (runId !== undefined) {
    const run = runs.find((candidate) => candidate.id === runId);
    if (run === undefined) return refuse('not_found', `${incident.id} has no run ${runId}`);
    return fits(run)
      ? run
      : refuse('conflict', `run ${runId} is ${run.state}${run.outcome === null ? '' : ` (${run.outcome})`}; ${what}`);
  }
  const candidates = runs.filter(fits);
  const [only, another] = candidates;
  if (only === undefined) return refuse('conflict', `${incident.id} has no run that fits: ${what}`);
  if (another !== undefined)
    return refuse(
      'conflict',
      `${incident.id} has several such runs; name one: ${candidates.map((run) => `${run.id} (${run.target})`).join(', ')}`,
    );
  return only;
}

function isAnswer(found: Run | CommandAnswer): found is CommandAnswer {
  return 'ok' in found;
}

/** Ends what has not started, stops what runs after its current step, and lifts the quarantine of what was interrupted. */
export function cancel(world: World, event: EventOf<'cancel'>, context: DecisionContext): CommandAnswer {
  const { now } = context;
  const { person } = event.actor;
  const run = runToCancel(world, event);
  if (isAnswer(run)) return run;
  tell(world, run.incidentId, now, 'cancelled', `${run.target}: cancelled by ${person}`, { runId: run.id, actor: person });
  switch (run.state) {
    case 'pending':
    case 'held':
      if (isWaiting(run)) {
        withdrawQuestion(world, run, `${person} cancelled the run`, context);
        const ending = { outcome: 'cancelled', reason: 'cancelled_by_person' } as const;
        endWait(world, { ...run, cancelledBy: person }, ending, context, `by ${person}`);
        return done(`run ${run.id} is cancelled; ${run.actingAt === null ? 'nothing was changed' : 'what it has done stays'}`);
      }
      endRun(
        world,
        { ...run, cancelledBy: person },
        { outcome: 'cancelled', reason: 'cancelled_by_person' },
        context,
        `by ${person}`,
      );
      return done(`run ${run.id} is cancelled; nothing was changed`);
    case 'running':
      world.putRun({ ...run, cancelledBy: person, wakeAt: now });
      return done(`run ${run.id} stops after its current step`);
    case 'verifying':
      begin(
        world,
        world.putRun({ ...run, cancelledBy: person }),
        { outcome: 'inconclusive', reason: 'cancelled_by_person' },
        context,
        `by ${person}`,
      );
      return done(`run ${run.id} is over; whether it helped stays open`);
    case 'ended':
      liftQuarantine(world, run, context);
      return done(`the quarantine of ${run.target} is lifted`);
  }
}

function runToCancel(world: World, { incidentId, runId }: EventOf<'cancel'>): Run | CommandAnswer {
  const fits = (run: Run): boolean => run.state !== 'ended' || run.quarantined;
  const what = 'only live runs and interrupted ones can be cancelled';
  if (incidentId === null) {
    const run = runId === undefined ? undefined : world.run(runId);
    if (run === undefined) return refuse('not_found', runId === undefined ? 'name a run' : `there is no run ${runId}`);
    return fits(run) ? run : refuse('conflict', `run ${run.id} is ended (${run.outcome ?? 'no outcome'}); ${what}`);
  }
  const incident = world.incident(incidentId);
  return incident === undefined
    ? refuse('not_found', `there is no incident ${incidentId}`)
    : pickRun(world, incident, runId, fits, what);
}

function liftQuarantine(world: World, run: Run, { now, limits }: DecisionContext): void {
  releaseClaims(world, run.id);
  world.putRun({ ...run, quarantined: false });
  world.wakeHeld(['target_busy'], WAKE_BATCH, now);
  const incident = run.incidentId === null ? undefined : world.incident(run.incidentId);
  if (incident?.firing === 0 && incident.quietSince !== null && incident.status !== 'resolved') {
    world.putIncident({ ...incident, wakeAt: Math.max(now, incident.quietSince + limits.settleMs) });
  }
}

/** What a person may shorten without an override: `retry` then means "run now". */
const RUN_NOW: readonly string[] = ['delay', 'cancel_window'];

/** Runs it (again) for a person: past an acknowledgement and observe mode, and past one gate if it is overridden. */
export function retry(world: World, event: EventOf<'retry'>, context: DecisionContext): CommandAnswer {
  const { now } = context;
  const incident = world.incident(event.incidentId);
  if (incident === undefined) return refuse('not_found', `there is no incident ${event.incidentId}`);
  const { person, role } = event.actor;
  const { override, reason } = event;
  if (override !== undefined) {
    const gate = gates.find((candidate) => candidate.name === override);
    if (!gate?.overridable) return refuse('invalid', `gate ${override} cannot be overridden`);
    if (role !== 'admin') return refuse('forbidden', 'only the role admin may override a gate');
    if (reason === undefined || reason.trim() === '') return refuse('invalid', 'an override needs a reason: --reason TEXT');
  }
  const isHeld = (run: Run): boolean => (run.state === 'held' && !isWaiting(run)) || run.state === 'pending';
  const canRunNow = (run: Run): boolean => run.state === 'held' && RUN_NOW.includes(run.reason ?? '');
  const run = pickRun(
    world,
    incident,
    event.runId,
    (candidate) =>
      (override === undefined ? canRunNow(candidate) : isHeld(candidate)) ||
      (candidate.state === 'ended' && isNewestOfItsLine(world, candidate)),
    override === undefined
      ? 'only ended runs can be retried, and those that wait for their delay or cancel window; another gate can be skipped with --override GATE --reason TEXT'
      : 'only held and ended runs can be retried',
  );
  if (isAnswer(run)) return run;
  const note = override === undefined ? '' : ` (skips gate ${override}: ${reason ?? ''})`;
  if (isHeld(run)) {
    world.putRun({
      ...run,
      ...(override === undefined ? { delayDone: true, cancelWindowDone: true } : { overrides: [...run.overrides, override] }),
      wakeAt: now,
    });
    tell(world, incident.id, now, 'retried', `${run.target}: ${person} lets it go on${note}`, { runId: run.id, actor: person });
    return done(`run ${run.id} is judged again${note}`);
  }
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  const rule = context.rules.byName(run.rule);
  if (line === undefined || rule === undefined || rule.rungs.length === 0)
    return refuse('conflict', `the rule ${run.rule} of run ${run.id} is gone`);
  if (incident.status === 'resolved' || line.firing === 0)
    return refuse('conflict', `no alert of ${run.target} fires; to lift a quarantine, cancel the run`);
  if (run.quarantined) liftQuarantine(world, run, context);
  const again = createRun(
    world,
    line,
    rule,
    { trigger: 'retry', actor: person, overrides: override === undefined ? [] : [override] },
    context,
  );
  tell(world, incident.id, now, 'retried', `${run.target}: ${person} runs it again${note}`, { runId: again.id, actor: person });
  return done(`run ${again.id} of ${rule.name} is on its way for ${run.target}${note}`);
}

function isNewestOfItsLine(world: World, run: Run): boolean {
  return run.lineId !== null && world.line(run.lineId)?.runId === run.id;
}

/** A person says that it is over, although alerts may fire: their episodes are dismissed. */
export function resolve(world: World, event: EventOf<'resolve'>, context: DecisionContext): CommandAnswer {
  const { now } = context;
  const incident = world.incident(event.incidentId);
  if (incident === undefined) return refuse('not_found', `there is no incident ${event.incidentId}`);
  if (incident.status === 'resolved') return refuse('conflict', `${incident.id} is resolved already`);
  const runs = world.runsOf(incident.id);
  const working = runs.find((run) => run.state === 'running');
  if (working !== undefined) return refuse('conflict', `run ${working.id} is running; cancel it first`);
  const { person } = event.actor;
  const isDismissal = incident.firing > 0;
  for (const { episode } of world.memberAlerts.filter(
    (alert) => alert.incidentId === incident.id && alert.episode.status === 'firing',
  )) {
    world.putEpisode({ ...(world.episode(episode.id) ?? episode), closedBy: 'dismissed' });
  }
  for (const run of runs) {
    if (isWaiting(run)) {
      withdrawQuestion(world, run, `${person} resolved the incident`, context);
      endWait(world, run, { outcome: 'cancelled', reason: 'dismissed' }, context, `${person} resolved the incident`);
    } else if (run.state === 'pending' || run.state === 'held')
      endRun(world, run, { outcome: 'cancelled', reason: 'dismissed' }, context, `${person} resolved the incident`);
    else if (run.state === 'verifying')
      begin(world, run, { outcome: 'inconclusive', reason: 'dismissed' }, context, `${person} resolved the incident`);
    else if (run.quarantined) liftQuarantine(world, run, context);
  }
  for (const line of world.linesOf(incident.id)) if (line.watchUntil !== null) world.putLine({ ...line, watchUntil: null });
  closeIncident(world, world.incident(incident.id) ?? incident, isDismissal ? 'dismissed' : 'resolved', now, context, person);
  return done(
    `${incident.id} is resolved by ${person}${isDismissal ? ` while ${incident.firing} of its alerts fire; they are dismissed` : ''}`,
  );
}

export function pause(world: World, event: EventOf<'pause'>, { now }: DecisionContext): CommandAnswer {
  const until = event.forMs === undefined ? null : now + event.forMs;
  world.putSwitches({
    ...world.switches,
    pausedAt: now,
    pausedUntil: until,
    pausedBy: event.actor.person,
    pauseReason: event.reason ?? null,
  });
  return done(
    `paused by ${event.actor.person}${event.forMs === undefined ? ' until resumed' : ` for ${formatDuration(event.forMs)}`}; nothing new starts`,
  );
}

export function resume(world: World, event: EventOf<'resume'>, { now }: DecisionContext): CommandAnswer {
  if (world.switches.pausedAt === null) return refuse('conflict', 'it is not paused');
  world.putSwitches({ ...world.switches, pausedAt: null, pausedUntil: null, pausedBy: null, pauseReason: null });
  world.wakeHeld(['paused'], WAKE_BATCH, now);
  return done(`resumed by ${event.actor.person}`);
}

export function rearm(world: World, event: EventOf<'rearm'>, { now, rules }: DecisionContext): CommandAnswer {
  if (rules.byName(event.rule) === undefined && world.breaker(event.rule) === undefined)
    return refuse('not_found', `there is no rule ${event.rule}`);
  const breaker = world.breaker(event.rule);
  if (breaker === undefined || breaker.openedAt === null) return refuse('conflict', `the breaker of ${event.rule} is not open`);
  world.putBreaker({ ...breaker, openedAt: null, rearmedAt: now, rearmedBy: event.actor.person });
  world.wakeHeld(['breaker_open'], WAKE_BATCH, now);
  return done(`the breaker of ${event.rule} is re-armed by ${event.actor.person}`);
}
