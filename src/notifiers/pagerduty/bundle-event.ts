import type { JsonObject } from '../../domain/json.ts';
import type { BundleNews } from '../../domain/notifier.ts';
import { markedTitle, pagerDutyKey } from '../../domain/pagerduty-key.ts';
import { MAX_SUMMARY, type AlertEvent } from './event.ts';
import { fitEvent } from './fit-event.ts';
import type { EventAction } from './next-action.ts';
import { shortLine } from './shortened.ts';
import { sourceOf } from './source.ts';
import { timestamp } from './timestamp.ts';
import { webLink, webUrl } from './web-links.ts';

const MAX_NAMED = 20;
const MAX_RULES = 5;

/** The event of many incidents that began together: one call for all of them. */
export function bundleEvent(action: EventAction, news: BundleNews, externalUrl: string | undefined): AlertEvent {
  const clientUrl = webUrl(news.url);
  const links = webLink('All incidents', news.url);
  return fitEvent({
    event_action: action,
    dedup_key: pagerDutyKey(news.id),
    payload: {
      summary: summaryOf(news),
      source: sourceOf(externalUrl),
      severity: news.pagerdutySeverity,
      timestamp: timestamp(news.startedAt),
      ...(action === 'trigger' ? { custom_details: detailsOf(news) } : {}),
    },
    ...(links.length === 0 ? {} : { links }),
    client: 'remedyd',
    ...(clientUrl === undefined ? {} : { client_url: clientUrl }),
  });
}

function summaryOf({ id, incidents }: BundleNews): string {
  const byRule = [...Map.groupBy(incidents, ({ rule }) => rule)].toSorted(([, a], [, b]) => b.length - a.length);
  const rules = byRule.slice(0, MAX_RULES).map(([rule, those]) => `${those.length} ${shortLine(rule, 100)}`);
  const more = byRule.length > MAX_RULES ? ` and ${byRule.length - MAX_RULES} further rules` : '';
  const worst = shortLine(incidents[0]?.severity ?? '', 50);
  const title = markedTitle(`${worst} ${incidents.length} incidents began together`, id);
  return shortLine(`${title}: ${rules.join(', ')}${more}`, MAX_SUMMARY);
}

function detailsOf({ id, incidents }: BundleNews): JsonObject {
  return {
    bundle: id,
    incidents: incidents.slice(0, MAX_NAMED).map((incident) => ({
      incident: incident.id,
      severity: shortLine(incident.severity, 100),
      rule: shortLine(incident.rule, 200),
      status: incident.status,
      started_at: timestamp(incident.startedAt),
    })),
    ...(incidents.length > MAX_NAMED ? { incidents_not_shown: incidents.length - MAX_NAMED } : {}),
  };
}
