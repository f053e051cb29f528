import { idInTitle, idOfPagerDutyKey } from '../domain/pagerduty-key.ts';

/** What people can do in PagerDuty that is told here. */
export const PAGERDUTY_ACTS = [
  'acknowledged',
  'resolved',
  'annotated',
  'reassigned',
  'delegated',
  'escalated',
  'priority_updated',
  'unacknowledged',
  'reopened',
] as const;
export type PagerDutyAct = (typeof PAGERDUTY_ACTS)[number];

/** Who did it. */
export interface PagerDutyAgent {
  readonly id: string;
  /** For display only: people choose their names. */
  readonly name: string;
  readonly email?: string;
}

/** What somebody did in PagerDuty to one of our incidents. */
export interface PagerDutyEvent {
  /** The same on every delivery, and signed, unlike `X-Webhook-Id`. */
  readonly id: string;
  readonly act: PagerDutyAct;
  /** Epoch milliseconds; 0 when it does not say. */
  readonly occurredAt: number;
  readonly agent: PagerDutyAgent;
  /** The incident or bundle. */
  readonly subject: string;
  /** The note, or to whom or what it was changed. */
  readonly text: string;
}

/** Why a webhook is not for us: for the log. */
export interface IgnoredWebhook {
  readonly ignored: string;
  /** Whether somebody should look at it: PagerDuty never sends such a thing. */
  readonly isGarbled?: boolean;
}

const AGENT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const USER_TYPES: readonly string[] = ['user_reference', 'user', ''];

/**
 * A V3 webhook (https://developer.pagerduty.com/docs/webhooks-overview). What services, integrations and PagerDuty itself do
 * is ignored: most of it is the echo of our own events.
 */
export function parsePagerDutyEvent(body: Buffer): PagerDutyEvent | IgnoredWebhook {
  const event = fieldOf(parse(body), 'event');
  const id = textOf(event, 'id');
  const type = textOf(event, 'event_type');
  if (id === '' || type === '') return { ignored: 'the body is no event of PagerDuty', isGarbled: true };
  const act = PAGERDUTY_ACTS.find((candidate) => type === `incident.${candidate}`);
  if (act === undefined) return { ignored: `events ${type} mean nothing here` };
  const agent = agentOf(fieldOf(event, 'agent'));
  if (agent === undefined) return { ignored: 'no person did it' };
  const data = fieldOf(event, 'data');
  const subject = subjectOf(data);
  if (subject === undefined) return { ignored: 'it is not about an incident of remedyd' };
  const occurredAt = Date.parse(textOf(event, 'occurred_at'));
  return { id, act, occurredAt: Number.isNaN(occurredAt) ? 0 : occurredAt, agent, subject, text: detailOf(act, data) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Nothing for PagerDuty itself (null) and for what is no user: those are references of other types. */
function agentOf(agent: unknown): PagerDutyAgent | undefined {
  const id = textOf(agent, 'id');
  const type = textOf(agent, 'type');
  if (!AGENT_ID.test(id) || !USER_TYPES.includes(type)) return undefined;
  const email = textOf(agent, 'email');
  const name = textOf(agent, 'summary');
  return { id, name: name === '' ? id : name, ...(email === '' ? {} : { email }) };
}

/** By the key; events about notes have none, but the title that we gave the incident. */
function subjectOf(data: unknown): string | undefined {
  const ofKey = idOfPagerDutyKey(textOf(data, 'incident_key'));
  return ofKey ?? idInTitle(textOf(fieldOf(data, 'incident'), 'summary'));
}

function detailOf(act: PagerDutyAct, data: unknown): string {
  switch (act) {
    case 'annotated':
      return textOf(data, 'content');
    case 'reassigned':
    case 'escalated':
      return namesOf(fieldOf(data, 'assignees'));
    case 'delegated':
      return textOf(fieldOf(data, 'escalation_policy'), 'summary');
    case 'priority_updated':
      return textOf(fieldOf(data, 'priority'), 'summary');
    case 'acknowledged':
    case 'resolved':
    case 'unacknowledged':
    case 'reopened':
      return '';
  }
}

function namesOf(references: unknown): string {
  if (!Array.isArray(references)) return '';
  return references
    .map((reference: unknown) => textOf(reference, 'summary'))
    .filter((name) => name !== '')
    .join(', ');
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}

/** The text of a field; empty where there is none. */
function textOf(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : '';
}
