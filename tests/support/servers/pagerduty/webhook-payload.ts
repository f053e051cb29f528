import { createHmac, randomUUID } from 'node:crypto';
import type { PagerDutyIncident, PagerDutyPerson, PagerDutyStatus, PagerDutyWebhook } from './types.ts';

/** The body of a V3 webhook, as docs/webhooks/01-Overview.md of PagerDuty's developer-docs shows it. */
export function webhookPayload(webhook: PagerDutyWebhook, incident: PagerDutyIncident | undefined): object {
  const agent = webhook.agent === undefined ? 'Alice' : webhook.agent;
  return {
    event: {
      id: webhook.eventId ?? randomUUID(),
      event_type: webhook.event,
      resource_type: webhook.event.split('.')[0],
      occurred_at: webhook.occurredAt ?? new Date().toISOString(),
      agent: agent === null ? null : reference('user', agent),
      client: agent === null ? null : { name: 'PagerDuty' },
      data: { ...(incident === undefined ? {} : eventData(webhook, incident, agent)), ...webhook.data },
    },
  };
}

/** The status an incident has after the event; `undefined` when the event leaves it as it is. */
export function statusAfter(event: string): PagerDutyStatus | undefined {
  switch (event) {
    case 'incident.acknowledged':
      return 'acknowledged';
    case 'incident.resolved':
      return 'resolved';
    case 'incident.triggered':
    case 'incident.reopened':
    case 'incident.unacknowledged':
      return 'triggered';
    default:
      return undefined;
  }
}

/** `v1=` and the HMAC-SHA256 of the raw body in hexadecimal (docs/webhooks/04-Signatures.md). */
export function signWebhook(secret: string, rawBody: string): string {
  return `v1=${createHmac('sha256', secret).update(rawBody).digest('hex')}`;
}

function eventData(webhook: PagerDutyWebhook, incident: PagerDutyIncident, agent: PagerDutyPerson | null): object {
  const id = incident.id;
  const links = { self: `https://api.pagerduty.com/incidents/${id}`, html_url: `https://acme.pagerduty.com/incidents/${id}` };
  if (webhook.event === 'incident.annotated') {
    return {
      incident: { ...links, id, summary: incident.summary, type: 'incident_reference' },
      id: `PNOTE${randomUUID().slice(0, 4).toUpperCase()}`,
      content: webhook.content ?? '',
      trimmed: false,
      type: 'incident_note',
    };
  }
  const assignees = webhook.assignees ?? (agent === null ? [] : [agent]);
  return {
    ...links,
    id,
    type: 'incident',
    number: incident.number,
    status: statusAfter(webhook.event) ?? incident.status,
    incident_key: incident.dedupKey,
    created_at: new Date(incident.events[0]?.at ?? 0).toISOString(),
    title: incident.summary,
    service: reference('service', 'API Service'),
    assignees: assignees.map((person) => reference('user', person)),
    escalation_policy: reference('escalation_policy', 'Default'),
    teams: [reference('team', 'Engineering')],
    priority: null,
    urgency: incident.severity === 'critical' ? 'high' : 'low',
    conference_bridge: null,
    resolve_reason: null,
  };
}

/** The same name gives the same id. */
function reference(kind: 'user' | 'service' | 'escalation_policy' | 'team', person: PagerDutyPerson): object {
  const name = typeof person === 'string' ? person : person.name;
  const derived = `P${createHmac('sha256', kind).update(name).digest('hex').slice(0, 6).toUpperCase()}`;
  const id = typeof person === 'string' ? derived : person.id;
  const path = kind === 'escalation_policy' ? 'escalation_policies' : `${kind}s`;
  return {
    html_url: `https://acme.pagerduty.com/${path}/${id}`,
    id,
    self: `https://api.pagerduty.com/${path}/${id}`,
    summary: name,
    type: `${kind}_reference`,
  };
}
