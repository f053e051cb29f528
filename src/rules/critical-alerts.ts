import { copyLabels } from '../domain/alert.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { SeveritySetting } from '../domain/settings.ts';
import { CRITICAL_SEVERITIES } from './lint-critical-routes.ts';
import type { CriticalAlert } from './lint-critical-routes.ts';
import { parsePrometheusAlerts } from './prometheus-alerts.ts';
import { SeverityScale } from './severity-scale.ts';

/** What decides how urgent an alert is. */
export interface Urgency {
  readonly severities: readonly SeveritySetting[];
  readonly rules: RuleSet;
}

/**
 * The alerts of Prometheus rule files that cannot wait: by their label `severity`, by the first level of the scale, or by that of a rule that
 * takes them. What is wrong with the files is for others to say.
 */
export function criticalAlerts(
  files: readonly { readonly path: string; readonly source: string }[],
  urgency: Urgency | undefined,
): readonly CriticalAlert[] {
  const scale = urgency === undefined ? undefined : new SeverityScale(urgency.severities);
  const alerts = files.flatMap(({ path, source }) => parsePrometheusAlerts(path, source).alerts);
  return alerts.filter(({ name, labels }) => {
    if (CRITICAL_SEVERITIES.includes(labels.get('severity') ?? '')) return true;
    const known = copyLabels({ ...Object.fromEntries(labels), alertname: name });
    if (scale !== undefined && scale.names().length > 0 && scale.severityOf(known).rank === 0) return true;
    return urgency?.rules.match(known).some((rule) => rule.severityOf(known).rank === 0) === true;
  });
}
