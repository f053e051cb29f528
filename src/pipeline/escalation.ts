import { formatDuration } from '../domain/duration.ts';
import type { EscalationRung, ResponsePlan } from '../domain/response.ts';
import type { Rule } from '../domain/rule.ts';
import type { Incident, Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { earliest, heldRungs, nextCallAt, positionAt, responsePlanOf, rungDueAt } from './escalation-ladder.ts';
import { askForTargets, placesOfSeverity } from './notify-places.ts';
import { escalate, raise, tell } from './story.ts';
import { RUNG_HOLD_MS } from './timing.ts';
import type { World } from './world.ts';

/** Calls and reminds whom it is time to: due rungs, the missed response time, the late update. */
export function callPeople(world: World, incidentId: string, context: DecisionContext): void {
  climb(world, incidentId, context);
  missResponse(world, incidentId, context);
  remind(world, incidentId, context);
}

/**
 * Judges every rung that is due: it is sent, or not needed, or it waits for a run that may help. What waits does not hold
 * up later rungs that wait for nothing.
 */
export function climb(world: World, incidentId: string, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  if (incident === undefined) return;
  const plan = responsePlanOf(incident, context);
  const due = [...heldRungs(incident, plan)];
  let { nextRung } = incident;
  for (; isDue(incident, plan, plan.rungs[nextRung], context.now); nextRung += 1) due.push(nextRung);
  if (due.length === 0) return;

  const verdicts = due.map((index) => ({ index, verdict: judgeRung(world, incident, plan, plan.rungs[index], context.now) }));
  const held = verdicts.filter(({ verdict }) => verdict === 'wait').map(({ index }) => index);
  world.putIncident({ ...incident, ...positionAt(incident, plan, nextRung, held) });
  for (const { index, verdict } of verdicts) if (verdict === 'send') sendRung(world, incidentId, plan, index, context);
}

function isDue(incident: Incident, plan: ResponsePlan, rung: EscalationRung | undefined, now: number): rung is EscalationRung {
  return rung !== undefined && rungDueAt(incident, plan, rung) <= now;
}

function judgeRung(
  world: World,
  incident: Incident,
  plan: ResponsePlan,
  rung: EscalationRung | undefined,
  now: number,
): 'send' | 'skip' | 'wait' {
  if (rung === undefined) return 'skip';
  if (rung.unless.includes('acknowledged') && incident.acknowledgedAt !== null) return 'skip';
  if (!rung.unless.includes('verified')) return 'send';
  if (isVerified(world, incident)) return 'skip';
  const dueAt = rungDueAt(incident, plan, rung);
  const isInTime = dueAt <= now && now < dueAt + RUNG_HOLD_MS;
  return isInTime && world.runsOf(incident.id).some(mayHelp) ? 'wait' : 'send';
}

/** A playbook that only reads never verifies anything, so nobody waits for it. */
function mayHelp(run: Run): boolean {
  return (run.state === 'running' || run.state === 'verifying') && !run.readsOnly;
}

/**
 * Whether the last run of every firing line is verified. Alerts that no line has, and those that a message left out,
 * cannot be; where nothing fires, nothing is.
 */
function isVerified(world: World, incident: Incident): boolean {
  if (incident.truncatedAlerts > 0 || incident.firing === 0) return false;
  const firing = world.linesOf(incident.id).filter((line) => line.firing > 0);
  if (firing.reduce((sum, line) => sum + line.firing, 0) < incident.firing) return false;
  return firing.every((line) => {
    const run = line.runId === null ? undefined : world.run(line.runId);
    return run?.outcome === 'verified' && !run.recurred && run.lineEpisode === line.episode;
  });
}

function sendRung(world: World, incidentId: string, plan: ResponsePlan, index: number, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  const rung = plan.rungs[index];
  if (incident === undefined || rung === undefined) return;
  const after = formatDuration(rung.afterMs);
  const byPolicy = rung.afterMs === 0 ? 'the policy calls at once' : `the policy calls after ${after}`;
  const text = rung.afterMs > 0 && incident.status === 'triggered' ? `nobody has acknowledged it for ${after}` : byPolicy;
  raise(world, incident, [rung], { reason: 'escalation_policy', text }, context);
}

/** Once, when nobody acknowledged it in the time of its severity. */
function missResponse(world: World, incidentId: string, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  if (incident?.status !== 'triggered' || incident.responseMissed) return;
  const plan = responsePlanOf(incident, context);
  const { responseTimeMs } = plan;
  if (responseTimeMs === undefined || plan.dueAt(incident.startedAt, responseTimeMs) > context.now) return;
  world.putIncident({ ...incident, responseMissed: true });
  escalate(
    world,
    incidentId,
    'response_time',
    `nobody acknowledged it within ${formatDuration(responseTimeMs)}, the response time of ${incident.severity}`,
    context,
  );
}

/** The next update that was promised is late: whoever has it is reminded, and again after as long. */
function remind(world: World, incidentId: string, context: DecisionContext): void {
  const { now } = context;
  const incident = world.incident(incidentId);
  if (incident === undefined || incident.updateDueAt === null || incident.updateDueAt > now) return;
  const plan = responsePlanOf(incident, context);
  world.putIncident({ ...incident, updateDueAt: nextUpdateAt(plan, now) });
  if (plan.updateEveryMs === undefined) return;
  const text = `an update was promised every ${formatDuration(plan.updateEveryMs)} and is late; give one with: remedyd incident note ${incident.id} TEXT`;
  tell(world, incidentId, now, 'reminder', text, { reason: 'update_overdue' });
}

/** When the next update is due, if one is promised at all. */
export function nextUpdateAt(plan: ResponsePlan, now: number): number | null {
  return plan.updateEveryMs === undefined ? null : earliest(plan.dueAt(now, plan.updateEveryMs));
}

/** Something was done that is an update, by a person or by the automation: the next one is promised from now. */
export function promiseUpdate(world: World, incidentId: string, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  if (incident === undefined || incident.status === 'resolved') return;
  const updateDueAt = nextUpdateAt(responsePlanOf(incident, context), context.now);
  if (updateDueAt === incident.updateDueAt) return;
  world.putIncident({ ...incident, updateDueAt, wakeAt: earliest(incident.wakeAt, updateDueAt) });
}

/** Says when people have to be called next, where that may be earlier than it was. */
export function expectCalls(world: World, incidentId: string, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  if (incident === undefined || incident.status === 'resolved') return;
  const wakeAt = earliest(incident.wakeAt, nextCallAt(incident, responsePlanOf(incident, context)));
  if (wakeAt !== incident.wakeAt) world.putIncident({ ...incident, wakeAt });
}

/** The ladder goes on where it stands, but by the policy of the higher severity; its places are told too. */
export function takeRise(world: World, incidentId: string, rule: Rule, context: DecisionContext): void {
  const incident = world.incident(incidentId);
  if (incident === undefined) return;
  const plan = responsePlanOf(incident, context);
  askForTargets(world, incidentId, placesOfSeverity(rule, plan), 'message', context.now);
  world.putIncident({ ...incident, updateDueAt: earliest(incident.updateDueAt, nextUpdateAt(plan, context.now)) });
  expectCalls(world, incidentId, context);
}

/** After the end of a run, or when it stops to wait for an approval: rungs that waited for it are judged again. */
export function wakeHeldRung(world: World, incidentId: string | null, { now }: DecisionContext): void {
  const incident = incidentId === null ? undefined : world.incident(incidentId);
  if (incident === undefined || incident.status === 'resolved' || incident.rungHeldSince === null) return;
  world.putIncident({ ...incident, wakeAt: earliest(incident.wakeAt, now) });
}

/** A run of an incident ended: that is an update, and what waited for it goes on. */
export function runEnded(world: World, run: Run, context: DecisionContext): void {
  if (run.incidentId === null) return;
  promiseUpdate(world, run.incidentId, context);
  expectCalls(world, run.incidentId, context);
  wakeHeldRung(world, run.incidentId, context);
}
