import type { ClosedBy, Episode, Incident, Line } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { endRun } from './conclude.ts';
import { callPeople } from './escalation.ts';
import { earliest, nextCallAt, responsePlanOf } from './escalation-ladder.ts';
import { alertsResolvedWhileWaiting, isWaiting } from './open-question.ts';
import { escalate, tell } from './story.ts';
import type { World } from './world.ts';

/** Ends an episode: its incidents and lines count one alert less, and what waited for that goes on. */
export function endEpisode(world: World, episode: Episode, endsAt: number, closedBy: ClosedBy, context: DecisionContext): void {
  const { now, limits } = context;
  world.putEpisode({ ...episode, status: 'resolved', endsAt, closedBy, absentSince: null, unconfirmedUntil: null });
  for (const member of world.membersOf(episode.id)) {
    const incident = world.incident(member.incidentId);
    if (incident === undefined) continue;
    const firing = Math.max(0, incident.firing - 1);
    const isQuiet = firing === 0 && incident.status !== 'resolved';
    world.putIncident({
      ...incident,
      firing,
      ...(isQuiet
        ? {
            quietSince: now,
            wakeAt: earliest(incident.wakeAt, now + limits.settleMs),
            closedAs: closedBy === 'stale' ? 'stale' : null,
          }
        : {}),
    });
    const line = member.target === null ? undefined : world.lineAt(member.incidentId, member.target);
    if (line !== undefined) endLineAlert(world, line, closedBy, context);
    else if (isQuiet) tell(world, incident.id, now, 'alert_resolved', `all alerts resolved (${closedBy})`);
  }
}

function endLineAlert(world: World, line: Line, closedBy: ClosedBy, context: DecisionContext): void {
  const firing = Math.max(0, line.firing - 1);
  world.putLine({ ...line, firing, ...(firing === 0 ? { resolvedAt: context.now, closedBy, watchUntil: null } : {}) });
  if (firing > 0) return;
  tell(world, line.incidentId, context.now, 'alert_resolved', `all alerts of ${line.target} resolved (${closedBy})`);
  const run = line.runId === null ? undefined : world.run(line.runId);
  if (run === undefined) return;
  if (isWaiting(run)) {
    alertsResolvedWhileWaiting(world, run, context.now);
  } else if (run.state === 'pending' || run.state === 'held') {
    if (closedBy === 'stale') endRun(world, run, { outcome: 'suppressed', reason: 'stale' }, context);
    else endRun(world, run, { outcome: 'self_resolved', reason: 'alerts_resolved' }, context);
  } else if (run.state === 'verifying') {
    world.putRun({ ...run, wakeAt: context.now });
  }
}

/** Closes an incident that is over, or calls whom it is time to call, and says when to look again. */
export function wakeIncident(world: World, incident: Incident, context: DecisionContext): void {
  if (incident.status === 'resolved') return;
  const watchUntil = wakeWatchedLines(world, incident, context);
  const watched = world.incident(incident.id) ?? incident;
  const closing = closingOf(world, watched, context);
  if (closing !== undefined && closing.at <= context.now) {
    closeIncident(world, watched, closing.as, closing.quietSince, context);
    return;
  }
  const needsPeople = !isQuiet(world, watched);
  if (needsPeople) callPeople(world, incident.id, context);
  const current = world.incident(incident.id) ?? watched;
  const callAt = needsPeople ? nextCallAt(current, responsePlanOf(current, context)) : null;
  world.putIncident({ ...current, wakeAt: earliest(watchUntil, closing?.at ?? null, callAt) });
}

/** Tells people of lines whose alert goes on after a verified run; returns when the next of them is due. */
function wakeWatchedLines(world: World, incident: Incident, context: DecisionContext): number | null {
  let next: number | null = null;
  for (const line of world.linesOf(incident.id)) {
    if (line.watchUntil === null) continue;
    if (line.watchUntil > context.now) {
      next = earliest(next, line.watchUntil);
      continue;
    }
    world.putLine({ ...line, watchUntil: null });
    if (line.firing > 0)
      escalate(
        world,
        incident.id,
        'still_firing',
        `${line.target}: the checks said it helped, but its alert still fires`,
        context,
      );
  }
  return next;
}

interface Closing {
  readonly at: number;
  readonly as: 'resolved' | 'stale';
  readonly quietSince: number;
}

/** When and as what an incident closes whose alerts are over; the end of a run that is live or quarantined wakes it. */
function closingOf(world: World, incident: Incident, { limits }: DecisionContext): Closing | undefined {
  const { firing, quietSince } = incident;
  if (firing > 0 || quietSince === null) return undefined;
  if (world.runsOf(incident.id).some((run) => run.state !== 'ended' || run.quarantined)) return undefined;
  // Alerts that a message left out may fire; when nothing more is heard of them, they are as stale as any other.
  const hasUnseen = incident.truncatedAlerts > 0;
  return {
    at: quietSince + (hasUnseen ? limits.staleAfterMs : limits.settleMs),
    as: hasUnseen || incident.closedAs === 'stale' ? 'stale' : 'resolved',
    quietSince,
  };
}

/** Whether nothing fires and nothing is left to a person: then nobody is called, unless it fires again before it closes. */
function isQuiet(world: World, { id, firing, quietSince, truncatedAlerts }: Incident): boolean {
  if (firing > 0 || quietSince === null || truncatedAlerts > 0) return false;
  return !world.runsOf(id).some((run) => run.quarantined);
}

export function closeIncident(
  world: World,
  incident: Incident,
  as: 'resolved' | 'stale' | 'dismissed',
  at: number,
  context: DecisionContext,
  actor?: string,
): void {
  world.putIncident({
    ...incident,
    status: 'resolved',
    closedAs: as,
    resolvedAt: at,
    rungHeldSince: null,
    updateDueAt: null,
    wakeAt: null,
  });
  const text =
    as === 'resolved'
      ? describeResolution(incident, actor)
      : as === 'stale'
        ? 'closed as stale: no message about its alerts for too long'
        : 'resolved by a person while its alerts fire';
  tell(world, incident.id, context.now, 'resolved', text, { reason: as, ...(actor === undefined ? {} : { actor }) });
  world.signals.push({ kind: 'incident_closed', incidentId: incident.id, afterMs: Math.max(0, at - incident.startedAt), as });
}

/** The incident of a run that no alert began never had an alert that could be over. */
function describeResolution({ quietSince }: Incident, actor: string | undefined): string {
  if (quietSince !== null) return 'resolved: every alert is over';
  return actor === undefined ? 'resolved: its run ended well' : 'resolved by a person';
}
