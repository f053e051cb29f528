import { copyLabels } from '../domain/alert.ts';
import type { Labels } from '../domain/alert.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { Problem } from '../schema/problem.ts';
import type { AlertmanagerConfig, AlertmanagerRoute, AlertmanagerWebhook } from './alertmanager-config.ts';
import { allRoutes, routesTaken } from './alertmanager-routes.ts';

/** An alert that people must hear of whatever happens to us. */
export interface CriticalAlert {
  readonly name: string;
  /** Those that are known; others may have any value. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Words that the label `severity` has for what cannot wait. */
export const CRITICAL_SEVERITIES: readonly string[] = ['critical', 'page'];

const SHOWN_ALERTS = 5;

/** The ways of one alert. */
interface Ways {
  /** A route that leads to us; absent when none does, and the alert is not our business. */
  readonly ours?: AlertmanagerRoute;
  readonly reachesPeople: boolean;
  /** A receiver of people that is silent at times. */
  readonly timed?: string;
}

/**
 * Refuses critical alerts whose only way to people leads through us: when we are down, nobody would hear of them. A webhook elsewhere and
 * every other kind of integration counts as people, unless time intervals mute its route. Labels of known alerts (`critical`) that only
 * their series have may take them other ways than the known ones do: those are warnings.
 */
export function lintCriticalRoutes(
  config: AlertmanagerConfig,
  isOurs: (webhook: AlertmanagerWebhook) => boolean,
  critical: readonly CriticalAlert[] | undefined,
): readonly Problem[] {
  const toUs = new Set(config.receivers.filter(({ webhooks }) => webhooks.some(isOurs)).map(({ name }) => name));
  const toPeople = new Set(
    config.receivers
      .filter(({ webhooks, hasOthers }) => hasOthers || webhooks.some((webhook) => !isOurs(webhook)))
      .map(({ name }) => name),
  );
  const waysOf = (labels: Labels): Ways => {
    const taken = routesTaken(config.root, labels);
    const leadsTo = (names: ReadonlySet<string>, route: AlertmanagerRoute): boolean => names.has(route.receiver ?? '');
    const ours = taken.find((route) => leadsTo(toUs, route));
    const people = taken.filter((route) => leadsTo(toPeople, route));
    const timed = people.find((route) => route.isTimed)?.receiver;
    return {
      reachesPeople: people.some((route) => !route.isTimed),
      ...(ours === undefined ? {} : { ours }),
      ...(timed === undefined ? {} : { timed }),
    };
  };
  const found = new Map<string, Finding>();
  const judge = (what: string, labels: Labels, severity: 'error' | 'warning'): boolean => {
    const { ours, reachesPeople, timed } = waysOf(labels);
    if (ours === undefined || reachesPeople) return false;
    const key = JSON.stringify([ours.path, severity, timed ?? null]);
    const alerts = found.get(key)?.alerts ?? [];
    found.set(key, { route: ours, severity, timed, alerts: alerts.includes(what) ? alerts : [...alerts, what] });
    return true;
  };
  if (critical === undefined) judgeUnknownAlerts(config.root, judge);
  else for (const alert of critical) judgeAlert(alert, config.root, judge);
  return [...found.values()].map((finding) => describe(config, finding));
}

interface Finding {
  readonly route: AlertmanagerRoute;
  readonly severity: 'error' | 'warning';
  readonly timed: string | undefined;
  readonly alerts: readonly string[];
}

/** Says whether it found a fault. */
type Judge = (what: string, labels: Labels, severity: 'error' | 'warning') => boolean;

function judgeAlert({ name, labels }: CriticalAlert, root: AlertmanagerRoute, judge: Judge): void {
  const own = new Map([...labels, ['alertname', name]]);
  if (judge(`'${name}'`, labelsFrom(own), 'error')) return;
  for (const demanded of demandsOf(root, [])) {
    const unknown = demanded.filter((matcher) => !own.has(matcher.name));
    if (unknown.length === 0) continue;
    const wanted = satisfy(demanded, own);
    if (wanted !== undefined) judge(`'${name}' with ${unknown.join(', ')}`, labelsFrom(wanted), 'warning');
  }
}

/** Alerts of which nothing is known but that they are critical; and those that routes for critical ones speak of. */
function judgeUnknownAlerts(root: AlertmanagerRoute, judge: Judge): void {
  for (const severity of CRITICAL_SEVERITIES) {
    const own = new Map([['severity', severity]]);
    // The other words are judged only where the file has them.
    const isSpokenOf = allRoutes(root).some(({ matchers }) => matchers.some((matcher) => demandsSeverity(matcher, severity)));
    if (severity !== CRITICAL_SEVERITIES[0] && !isSpokenOf) continue;
    if (judge(`with severity="${severity}"`, labelsFrom(own), 'error')) continue;
    for (const demanded of demandsOf(root, [])) {
      const isForCritical = demanded.some((matcher) => demandsSeverity(matcher, severity));
      // What a route takes by its name is known to be critical by rule files only.
      if (!isForCritical && demanded.some(({ name }) => name === 'alertname')) continue;
      const wanted = satisfy(demanded, own);
      const others = demanded.filter(({ name }) => name !== 'severity');
      const what = [`severity="${severity}"`, ...others.map(String)].join(', ');
      if (wanted !== undefined && others.length > 0)
        judge(`with ${what}`, labelsFrom(wanted), isForCritical ? 'error' : 'warning');
    }
  }
}

/** Whether a matcher takes this severity and not every other. */
function demandsSeverity(matcher: Matcher, severity: string): boolean {
  return matcher.name === 'severity' && !matcher.matchesEmpty && matcher.matches(copyLabels({ severity }));
}

/** For each route, its own matchers and those of the routes around it. */
function demandsOf(route: AlertmanagerRoute, around: readonly Matcher[]): readonly (readonly Matcher[])[] {
  const all = [...around, ...route.matchers];
  return [all, ...route.routes.flatMap((child) => demandsOf(child, all))];
}

/** Labels that satisfy all of these and agree with the known ones, as far as plain values tell; `undefined` when none are found. */
function satisfy(matchers: readonly Matcher[], known: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined {
  const labels = new Map(known);
  for (const { name, op, value } of matchers) {
    if (labels.has(name)) continue;
    if (op === '=') labels.set(name, value);
    if (op === '=~') labels.set(name, value.split('|')[0] ?? '');
  }
  const wanted = labelsFrom(labels);
  return matchers.every((matcher) => matcher.matches(wanted)) ? labels : undefined;
}

function labelsFrom(labels: ReadonlyMap<string, string>): Labels {
  return copyLabels(Object.fromEntries([...labels].filter(([, value]) => value !== '')));
}

function describe({ yaml }: AlertmanagerConfig, { route, severity, timed, alerts }: Finding): Problem {
  const shown = alerts.slice(0, SHOWN_ALERTS).join('; ');
  const hidden = alerts.length - SHOWN_ALERTS;
  const who = `critical alerts ${shown}${hidden > 0 ? ` and ${hidden} more` : ''}`;
  const where = route.matchers.length === 0 ? 'this route' : `the route {${route.matchers.join(', ')}}`;
  const silent = timed === undefined ? '' : `, and '${timed}' is muted at times`;
  return yaml.problem(
    route.path,
    `${who} reach people only through remedyd (${where}, receiver '${route.receiver ?? ''}')${silent}: add a first route to your pager, with \`continue: true\` and a longer \`group_wait\` such as 5m`,
    { severity },
  );
}
