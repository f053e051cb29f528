import type { Incident } from '../../domain/state.ts';
import { plain } from './mrkdwn.ts';

/** Slack takes lower-case letters, digits, hyphens and underscores: docs.slack.dev/reference/methods/conversations.create. */
const NAME_MAX = 80;
const TOPIC_MAX = 250;

/**
 * The name of an incident's own channel, `inc-20261121-disk-full-a1b2c3`. The end of the incident's id makes it its own:
 * a channel of that name that exists already was made by a request whose answer was lost.
 */
export function ownChannelName({ id, rule, startedAt }: Pick<Incident, 'id' | 'rule' | 'startedAt'>): string {
  const day = new Date(startedAt).toISOString().slice(0, 10).replaceAll('-', '');
  const end = `-${normalise(id).slice(-6)}`;
  return `${`inc-${day}-${normalise(rule)}`.slice(0, NAME_MAX - end.length)}${end}`;
}

export function ownChannelTopic({ id, rule, severity }: Pick<Incident, 'id' | 'rule' | 'severity'>): string {
  return plain(`${severity} · ${rule} · ${id}`, TOPIC_MAX);
}

function normalise(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}
