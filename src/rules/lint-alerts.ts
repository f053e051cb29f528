import { matchesAll, parseMatchers } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import { REPORTED_NAME } from '../domain/reported-alert.ts';
import type { Rule, RuleSet } from '../domain/rule.ts';
import type { Place, Problem } from '../schema/problem.ts';
import { IndexedRuleSet } from './indexed-rule-set.ts';
import { parsePrometheusAlerts } from './prometheus-alerts.ts';
import type { DefinedAlert } from './prometheus-alerts.ts';

// `remedyd incident create` makes these; no Prometheus does.
const OWN_ALERTS: readonly DefinedAlert[] = [{ file: '', line: 1, column: 1, name: REPORTED_NAME, labels: new Map() }];

/** Compares rules with the alerts of Prometheus: rules that no alert can reach (errors), and alerts that no rule answers (warnings). */
export function lintAlerts(
  ruleSet: RuleSet,
  files: readonly { readonly path: string; readonly source: string }[],
): readonly Problem[] {
  const parsed = files.map(({ path, source }) => parsePrometheusAlerts(path, source));
  const alerts = parsed.flatMap((file) => file.alerts);
  const problems = parsed.flatMap((file) => file.problems);
  return [...problems, ...findUnreachableRules(ruleSet, alerts), ...findUnansweredAlerts(ruleSet, alerts)];
}

/** Rules that none of these alerts can match, whatever their unknown labels are. */
function findUnreachableRules(ruleSet: RuleSet, alerts: readonly DefinedAlert[]): readonly Problem[] {
  const all = [...alerts, ...OWN_ALERTS];
  return ruleSet.rules.flatMap((rule): readonly Problem[] => {
    if (!rule.onAlerts) return [];
    const matchers = matchersOf(rule);
    if (all.some((alert) => canMatch(matchers, alert))) return [];
    return [
      { file: rule.file, ...placeOf(ruleSet, rule), severity: 'error', message: `no alert can reach the rule '${rule.name}'` },
    ];
  });
}

/** Alerts that no rule can match. */
function findUnansweredAlerts(ruleSet: RuleSet, alerts: readonly DefinedAlert[]): readonly Problem[] {
  const all = ruleSet.rules.filter((rule) => rule.onAlerts).map(matchersOf);
  return alerts.flatMap((alert): readonly Problem[] => {
    if (all.some((matchers) => canMatch(matchers, alert))) return [];
    const { file, line, column, name } = alert;
    return [{ file, line, column, severity: 'warning', message: `no rule answers the alert '${name}'` }];
  });
}

function matchersOf(rule: Rule): readonly Matcher[] {
  return rule.matcherTexts.flatMap((text) => parseMatchers(text));
}

/** A label that is not fixed may have any value. */
function canMatch(matchers: readonly Matcher[], alert: DefinedAlert): boolean {
  return matchers.every((matcher) => {
    const value = matcher.name === 'alertname' ? alert.name : alert.labels.get(matcher.name);
    return value === undefined || matchesAll([matcher], Object.fromEntries([[matcher.name, value]]));
  });
}

function placeOf(ruleSet: RuleSet, rule: Rule): Place {
  return ruleSet instanceof IndexedRuleSet ? ruleSet.placeOf(rule.name) : { line: 1, column: 1 };
}
