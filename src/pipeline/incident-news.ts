import { sharedLabels } from '../domain/alert.ts';
import { phaseOf } from '../domain/phase-of.ts';
import type { IncidentNews } from '../domain/notifier.ts';
import type { PagerDutySeverity, ResponsePlan } from '../domain/response.ts';
import type { Rule } from '../domain/rule.ts';
import type { AlertView, Scope } from '../domain/scope.ts';
import type { Person } from '../domain/settings.ts';
import type { Incident, Run, StepRecord } from '../domain/state.ts';
import type { IncidentDetail } from '../domain/store.ts';
import { defaultParams } from './rule-params.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { viewsOf, type Journal } from './walk-playbook.ts';
import { whatComesNext } from './what-comes-next.ts';

/** What news are made of besides the incident itself. */
export interface NewsContext {
  /** The rule as it is now; absent when it is gone. */
  readonly rule: Rule | undefined;
  readonly plan: ResponsePlan;
  readonly externalUrl?: string;
  readonly people: ReadonlyMap<string, Person>;
  readonly now: number;
  /** Drafts the post-mortem of a resolved incident whose severity asks for one. */
  readonly postMortem?: (news: Omit<IncidentNews, 'postMortem'>) => string;
}

const MAX_FIELDS = 20;
/** How PagerDuty calls the severities of the scale, where it does not say so itself. */
const PAGERDUTY_BY_RANK: readonly PagerDutySeverity[] = ['critical', 'error', 'warning'];
/** People who are known by Slack alone, e.g. `slack:U123`. */
const KNOWN_BY_SLACK = /^slack:(.+)$/;

/** Everything that may be said of an incident now. */
export function incidentNews(detail: IncidentDetail, context: NewsContext): IncidentNews {
  const { incident, lines, runs } = detail;
  const { rule, plan, externalUrl } = context;
  const phase = phaseOf(incident, lines, runs);
  const scope = scopeOfIncident(detail, rule, context.now);
  const ownerSlackId = slackIdOf(incident.acknowledgedBy, context.people);
  const customerMessage = rule?.customerMessages[phase]?.renderForPeople(scope);
  const news: Omit<IncidentNews, 'postMortem'> = {
    kind: 'incident',
    detail,
    phase,
    description: rule?.description ?? '',
    fields: fieldsOf(incident, rule, scope),
    pagerdutySeverity: pagerDutySeverityOf(incident.severityRank, plan),
    next: whatComesNext(detail, rule, context.now),
    ...(rule?.runbookUrl === undefined ? {} : { runbookUrl: rule.runbookUrl }),
    ...(externalUrl === undefined ? {} : { url: incidentUrl(externalUrl, incident.id) }),
    ...(ownerSlackId === undefined ? {} : { ownerSlackId }),
    ...(customerMessage === undefined ? {} : { customerMessage }),
  };
  const isAsked = incident.status === 'resolved' && plan.postMortem;
  return isAsked && context.postMortem !== undefined ? { ...news, postMortem: context.postMortem(news) } : news;
}

/** How urgent PagerDuty is told that a severity is. */
export function pagerDutySeverityOf(severityRank: number, plan: ResponsePlan): PagerDutySeverity {
  return plan.pagerdutySeverity ?? PAGERDUTY_BY_RANK[severityRank] ?? 'info';
}

/** Where the whole of an incident is; without an id, where all of them are. */
export function incidentUrl(externalUrl: string, id?: string): string {
  const all = `${externalUrl.replace(/\/+$/, '')}/api/v1/incidents`;
  return id === undefined ? all : `${all}/${encodeURIComponent(id)}`;
}

/** The rule's lines, then those of people. What people set wins, and is never dropped for a line of the rule. */
function fieldsOf({ fields: set }: Incident, rule: Rule | undefined, scope: Scope): IncidentNews['fields'] {
  const byPeople = new Map(Object.entries(set));
  const ofRule = Object.entries(rule?.fields ?? {});
  const names = new Set(ofRule.map(([name]) => name));
  const room = MAX_FIELDS - byPeople.size;
  const kept = new Set(ofRule.filter(([name]) => !byPeople.has(name)).slice(0, Math.max(0, room)));
  return [
    ...ofRule.flatMap((entry) => {
      const [name, template] = entry;
      const value = byPeople.get(name) ?? (kept.has(entry) ? template.renderForPeople(scope) : undefined);
      return value === undefined ? [] : [{ name, value }];
    }),
    ...[...byPeople].filter(([name]) => !names.has(name)).map(([name, value]) => ({ name, value })),
  ].slice(0, MAX_FIELDS);
}

/** What the rule's texts see: the newest run that was claimed, or else the alerts. */
function scopeOfIncident(detail: IncidentDetail, rule: Rule | undefined, now: number): Scope {
  const { incident, runs } = detail;
  const run = runs.filter(({ frozen }) => frozen !== null).reduce<Run | undefined>(newer, undefined);
  const scope =
    run === undefined
      ? { ...scopeOfAlerts(detail, now), params: rule === undefined ? {} : defaultParams(rule) }
      : { ...scopeOfRun(run, now), steps: stepViews(run, rule, detail.steps) };
  const { id, severity, status, startedAt } = incident;
  return { ...scope, group: incident.groupLabels, incident: { id, severity, status, started_at: startedAt } };
}

function newer(a: Run | undefined, b: Run): Run {
  return a === undefined || b.createdAt >= a.createdAt ? b : a;
}

/** The results of steps that stand in the rule; those of a playbook by name are its own. */
function stepViews(run: Run, rule: Rule | undefined, steps: readonly StepRecord[]): NonNullable<Scope['steps']> {
  const playbook = rule?.rungs[run.rung]?.playbook;
  if (playbook?.name !== '') return {};
  const records = new Map(steps.filter(({ runId }) => runId === run.id).map((record) => [record.address, record]));
  const journal: Journal = {
    get: (address) => records.get(address),
    write: ({ address }) => {
      throw new Error(`news write no journal (${address})`);
    },
  };
  return viewsOf(playbook.steps, `${run.rung}:steps/`, journal);
}

function scopeOfAlerts({ incident, alerts }: IncidentDetail, now: number): Scope {
  const firing = alerts.filter(({ episode }) => episode.status === 'firing');
  const views = (firing.length > 0 ? firing : alerts).map(({ episode, content }): AlertView => ({
    status: episode.status,
    labels: content.labels,
    annotations: content.annotations,
    fingerprint: content.fingerprint,
    starts_at: episode.startsAt,
  }));
  const [first] = views;
  return {
    labels: sharedLabels(views.map(({ labels }) => labels)),
    annotations: sharedLabels(views.map(({ annotations }) => annotations)),
    ...(first === undefined ? {} : { alert: first }),
    alerts: views,
    group: incident.groupLabels,
    params: {},
    steps: {},
    run: { id: '', attempt: 1, failed: false, actor: '' },
    now,
  };
}

function slackIdOf(person: string | null, people: ReadonlyMap<string, Person>): string | undefined {
  return person === null ? undefined : (people.get(person)?.slack ?? KNOWN_BY_SLACK.exec(person)?.[1]);
}
