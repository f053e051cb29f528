import { markedTitle, pagerDutyKey } from '../../domain/pagerduty-key.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { IncidentNews } from '../../domain/notifier.ts';
import type { MemberAlert } from '../../domain/store.ts';
import { MAX_NAME, MAX_SUMMARY, type AlertEvent, type EventLink } from './event.ts';
import { fitEvent } from './fit-event.ts';
import type { EventAction } from './next-action.ts';
import { shortened, shortLine } from './shortened.ts';
import { sourceOf } from './source.ts';
import { timestamp } from './timestamp.ts';
import { webLink, webUrl } from './web-links.ts';
import { lastFailure, whatWasTried } from './what-was-tried.ts';

const MAX_ALERTS = 20;
const MAX_TARGETS = 3;
const MAX_LABELS = 50;
const MAX_VALUE = 1_000;
const MAX_DESCRIPTION = 4_000;

/** The event of an incident. What a person reads at night comes first: how bad, what, where, and what was tried. */
export function incidentEvent(action: EventAction, news: IncidentNews, externalUrl: string | undefined): AlertEvent {
  const { incident, alerts } = news.detail;
  const targets = targetsOf(news);
  const alertname = alerts[0]?.content.labels['alertname'];
  const clientUrl = webUrl(news.url);
  const links = linksOf(news);
  return fitEvent({
    event_action: action,
    dedup_key: pagerDutyKey(incident.id),
    payload: {
      summary: summaryOf(news),
      source: sourceOf(externalUrl, incident.groupLabels),
      severity: news.pagerdutySeverity,
      timestamp: timestamp(incident.startedAt),
      ...(targets === '' ? {} : { component: shortLine(targets, MAX_NAME) }),
      group: shortLine(incident.rule, MAX_NAME),
      ...(alertname === undefined ? {} : { class: shortLine(alertname, MAX_NAME) }),
      ...(action === 'trigger' ? { custom_details: detailsOf(news) } : {}),
    },
    ...(links.length === 0 ? {} : { links }),
    client: 'remedyd',
    ...(clientUrl === undefined ? {} : { client_url: clientUrl }),
  });
}

function summaryOf(news: IncidentNews): string {
  const { incident } = news.detail;
  const group = labelText(incident.groupLabels);
  const targets = targetsOf(news);
  const where = targets === '' ? group : targets;
  const failure = lastFailure(news.detail);
  const what = `${shortLine(incident.severity, 50)} ${shortLine(incident.rule, 200)}${where === '' ? '' : `: ${shortLine(where, 250)}`}`;
  return shortLine(`${markedTitle(what, incident.id)}${failure === undefined ? '' : `; ${failure}`}`, MAX_SUMMARY);
}

/** What it is about: the targets whose alerts fire, or else all. */
function targetsOf({ detail: { lines } }: IncidentNews): string {
  const firing = lines.filter((line) => line.firing > 0);
  const targets = [...new Set((firing.length > 0 ? firing : lines).map(({ target }) => target))];
  const more = targets.length > MAX_TARGETS ? ` and ${targets.length - MAX_TARGETS} more` : '';
  return `${targets
    .slice(0, MAX_TARGETS)
    .map((target) => shortLine(target, 100))
    .join(', ')}${more}`;
}

function detailsOf(news: IncidentNews): JsonObject {
  const { detail, phase, description, fields, next } = news;
  const { incident, alerts } = detail;
  return {
    incident: incident.id,
    phase,
    status: incident.status,
    started_at: timestamp(incident.startedAt),
    escalation_level: incident.escalationLevel,
    ...(description === '' ? {} : { description: shortened(description, MAX_DESCRIPTION) }),
    tried: whatWasTried(detail),
    next: next.slice(0, MAX_ALERTS).map((line) => shortLine(line, MAX_VALUE)),
    fields: Object.fromEntries(fields.map(({ name, value }) => [shortLine(name, MAX_NAME), shortened(value, MAX_VALUE)])),
    group: entriesOf(incident.groupLabels),
    alerts: alerts.slice(0, MAX_ALERTS).map(describeAlert),
    ...(alerts.length > MAX_ALERTS ? { alerts_not_shown: alerts.length - MAX_ALERTS } : {}),
  };
}

function describeAlert({ episode, content }: MemberAlert): JsonObject {
  return {
    status: episode.status,
    starts_at: timestamp(episode.startsAt),
    labels: entriesOf(content.labels),
    annotations: entriesOf(content.annotations),
  };
}

function entriesOf(labels: Readonly<Record<string, string>>): JsonObject {
  const entries = Object.entries(labels).slice(0, MAX_LABELS);
  return Object.fromEntries(entries.map(([name, value]) => [shortLine(name, MAX_NAME), shortened(value, MAX_VALUE)]));
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function linksOf({ runbookUrl, url, detail: { alerts } }: IncidentNews): readonly EventLink[] {
  const generator = alerts.map(({ content }) => webUrl(content.generatorUrl)).find((found) => found !== undefined);
  return [...webLink('Runbook', runbookUrl), ...webLink('Everything about it', url), ...webLink('Alert', generator)];
}
