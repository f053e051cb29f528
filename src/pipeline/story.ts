import type { Reason } from '../domain/reason.ts';
import type { StepErrorCode } from '../domain/remediation.ts';
import type { Outcome } from '../domain/reason.ts';
import type { TimelineKind } from '../domain/state.ts';
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

/** Raises the level of an incident: from here on it needs a person. */
export function escalate(
  world: World,
  incidentId: string | null,
  reason: Reason | StepErrorCode | Outcome,
  text: string,
  now: number,
  runId?: string,
): void {
  const incident = incidentId === null ? undefined : world.incident(incidentId);
  if (incident === undefined) return;
  world.putIncident({ ...incident, escalationLevel: incident.escalationLevel + 1 });
  tell(world, incident.id, now, 'escalated', text, { reason, ...(runId === undefined ? {} : { runId }) });
  world.signals.push({ kind: 'escalated', incidentId: incident.id, reason, text });
}
