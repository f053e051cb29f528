import type { Reason } from '../domain/reason.ts';
import type { StepErrorCode } from '../domain/remediation.ts';
import type { Outcome } from '../domain/reason.ts';
import type { EscalationRung } from '../domain/response.ts';
import type { Incident, TimelineKind } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { responsePlanOf, takeNextRung } from './escalation-ladder.ts';
import { askForTargets, describeTargets } from './notify-places.ts';
import type { World } from './world.ts';

/** Adds a line to an incident's story. */
export function tell(
  world: World,
  incidentId: string | null,
  at: number,
  kind: TimelineKind,
  text: string,
  more: { runId?: string; reason?: string; actor?: string } = {},
): void {
  world.tell({ incidentId, runId: more.runId ?? null, at, kind, reason: more.reason ?? null, text, actor: more.actor ?? null });
}

/** Why an incident needs a person. */
export interface Escalation {
  readonly reason: Reason | StepErrorCode | Outcome;
  readonly text: string;
  readonly runId?: string;
  readonly actor?: string;
}

/**
 * Raises the level of an incident: from here on it needs a person, and the next rung of its policy is sent now. Where a
 * person has it already, only that person is told.
 */
export function escalate(
  world: World,
  incidentId: string | null,
  reason: Escalation['reason'],
  text: string,
  context: DecisionContext,
  runId?: string,
): void {
  const incident = incidentId === null ? undefined : world.incident(incidentId);
  if (incident === undefined) return;
  const escalation = { reason, text, ...(runId === undefined ? {} : { runId }) };
  if (incident.status === 'triggered') sendNextRung(world, incident, escalation, context);
  else raise(world, incident, [], escalation, context);
}

/** Raises the level and sends the next rung, whoever has the incident. Returns what was sent. */
export function sendNextRung(
  world: World,
  incident: Incident,
  escalation: Escalation,
  context: DecisionContext,
): readonly EscalationRung[] {
  const { rungs, position } = takeNextRung(incident, responsePlanOf(incident, context));
  raise(world, { ...incident, ...position }, rungs, escalation, context);
  return rungs;
}

/** Raises the level by one and calls the people of these rungs. */
export function raise(
  world: World,
  incident: Incident,
  rungs: readonly EscalationRung[],
  { reason, text, runId, actor }: Escalation,
  { now }: DecisionContext,
): void {
  world.putIncident({ ...incident, escalationLevel: incident.escalationLevel + 1 });
  for (const { notify } of rungs) askForTargets(world, incident.id, notify, 'page', now);
  const called = rungs.map(({ notify }) => describeTargets(notify)).filter((places) => places !== '');
  const owner = incident.status === 'acknowledged' ? incident.acknowledgedBy : null;
  const consequence =
    called.length > 0 ? `; calls ${called.join(', ')}` : owner === null ? '' : `; ${owner} has it, nobody else is called`;
  tell(world, incident.id, now, 'escalated', `${text}${consequence}`, {
    reason,
    ...(runId === undefined ? {} : { runId }),
    ...(actor === undefined ? {} : { actor }),
  });
  world.signals.push({ kind: 'escalated', incidentId: incident.id, reason, text });
}
