import type { IncidentNews, News } from '../domain/notifier.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { Settings } from '../domain/settings.ts';
import type { Notification } from '../domain/state.ts';
import type { Store } from '../domain/store.ts';
import { incidentNews, incidentUrl, pagerDutySeverityOf } from './incident-news.ts';

export interface NewsDeps {
  readonly store: Pick<Store, 'incidentDetail' | 'bundle'>;
  /** The rules and settings that are live. */
  readonly rules: RuleSet;
  readonly settings: Pick<Settings, 'externalUrl' | 'people'>;
  readonly now: number;
  readonly postMortem?: (news: Omit<IncidentNews, 'postMortem'>) => string;
}

/** What there is to say of an incident; `undefined` when there is none of this id. */
export async function newsOfIncident(id: string, deps: NewsDeps): Promise<IncidentNews | undefined> {
  const { store, rules, settings, now, postMortem } = deps;
  const detail = await store.incidentDetail(id);
  if (detail === undefined) return undefined;
  const rule = rules.byName(detail.incident.rule);
  return incidentNews(detail, {
    rule,
    plan: (rule ?? rules).responseTo(detail.incident.severity),
    people: settings.people,
    now,
    ...(settings.externalUrl === undefined ? {} : { externalUrl: settings.externalUrl }),
    ...(postMortem === undefined ? {} : { postMortem }),
  });
}

/** What a place should hear now; `undefined` when what it was about is gone. */
export async function newsOf(notification: Notification, deps: NewsDeps): Promise<News | undefined> {
  const { id, incidentId, purpose, text } = notification;
  switch (purpose) {
    case 'message':
    case 'page':
      return incidentId === null ? undefined : newsOfIncident(incidentId, deps);
    case 'notice':
      return text === null ? undefined : { kind: 'notice', id, text };
    case 'bundle':
      return newsOfBundle(notification, deps);
  }
}

async function newsOfBundle({ id, createdAt }: Notification, { store, rules, settings }: NewsDeps): Promise<News | undefined> {
  const { incidents } = await store.bundle(id);
  const sorted = incidents.toSorted((a, b) => a.severityRank - b.severityRank || b.startedAt - a.startedAt);
  const [worst] = sorted;
  // The rows of a bundle are deleted with their incidents.
  if (worst === undefined) return undefined;
  const plan = (rules.byName(worst.rule) ?? rules).responseTo(worst.severity);
  return {
    kind: 'bundle',
    id,
    startedAt: Math.min(createdAt, ...incidents.map(({ startedAt }) => startedAt)),
    incidents: sorted,
    pagerdutySeverity: pagerDutySeverityOf(worst.severityRank, plan),
    ...(settings.externalUrl === undefined ? {} : { url: incidentUrl(settings.externalUrl) }),
  };
}
