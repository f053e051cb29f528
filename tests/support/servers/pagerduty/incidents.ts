import { randomUUID } from 'node:crypto';
import type { AlertEvent } from './event-limits.ts';
import type { PagerDutyEffect, PagerDutyEvent, PagerDutyIncident, PagerDutyStatus } from './types.ts';

interface OpenIncident extends PagerDutyIncident {
  status: PagerDutyStatus;
  readonly events: PagerDutyEvent[];
}

/** PagerDuty's rules for what an event does to an incident. */
export interface Incidents {
  readonly all: readonly PagerDutyIncident[];
  readonly events: readonly PagerDutyEvent[];
  /** Applies an accepted event and returns its dedup key. */
  readonly apply: (event: AlertEvent, body: Readonly<Record<string, unknown>>) => string;
  /** What a person does in PagerDuty. */
  readonly setStatus: (id: string, status: PagerDutyStatus) => void;
  readonly find: (dedupKey: string, routingKey?: string) => PagerDutyIncident | undefined;
}

export function createIncidents(): Incidents {
  const all: OpenIncident[] = [];
  const events: PagerDutyEvent[] = [];
  const find = (dedupKey: string, routingKey?: string): OpenIncident | undefined =>
    all.findLast((incident) => {
      return incident.dedupKey === dedupKey && (routingKey === undefined || incident.routingKey === routingKey);
    });
  return {
    all,
    events,
    find,
    setStatus: (id, status) => {
      const incident = all.find((candidate) => candidate.id === id);
      if (incident !== undefined) incident.status = status;
    },
    apply: (event, body) => {
      const dedupKey = event.dedup_key ?? randomUUID().replaceAll('-', '');
      const last = find(dedupKey, event.routing_key);
      const open = last?.status === 'resolved' ? undefined : last;
      const incident = event.event_action === 'trigger' ? (open ?? openIncident(event, dedupKey, all.length + 1)) : open;
      const effect = effectOf(event.event_action, open);
      const record = { action: event.event_action, routingKey: event.routing_key, dedupKey, body, effect, at: Date.now() };
      events.push(record);
      if (incident === undefined) return dedupKey;
      incident.events.push(record);
      if (effect === 'opened') all.push(incident);
      if (effect === 'acknowledged' || effect === 'resolved') incident.status = effect;
      return dedupKey;
    },
  };
}

// A trigger for an acknowledged incident leaves it acknowledged: it only adds to its log.
function effectOf(action: AlertEvent['event_action'], open: OpenIncident | undefined): PagerDutyEffect {
  if (action === 'trigger') return open === undefined ? 'opened' : 'appended';
  if (open === undefined) return 'dropped';
  return action === 'acknowledge' ? 'acknowledged' : 'resolved';
}

function openIncident(event: AlertEvent & { event_action: 'trigger' }, dedupKey: string, number: number): OpenIncident {
  return {
    id: `QINCIDENT${String(number).padStart(5, '0')}`,
    number,
    routingKey: event.routing_key,
    dedupKey,
    status: 'triggered',
    summary: event.payload.summary,
    severity: event.payload.severity,
    events: [],
  };
}
