import type { Problem } from '../schema/problem.ts';
import { parseYaml } from '../schema/yaml-file.ts';
import { readAlertmanagerConfig } from './alertmanager-config.ts';
import type { AlertmanagerConfig, AlertmanagerWebhook } from './alertmanager-config.ts';
import { allRoutes } from './alertmanager-routes.ts';
import { lintCriticalRoutes } from './lint-critical-routes.ts';
import type { CriticalAlert } from './lint-critical-routes.ts';

/** What is known besides the file. */
export interface AlertmanagerLint {
  /** Alerts that are critical; without them, alerts with the label severity="critical" are looked at. */
  readonly critical?: readonly CriticalAlert[];
  readonly externalUrl?: string | undefined;
}

/**
 * Whether an Alertmanager configuration sends alerts here (a receiver with our webhook that a route names, with resolved alerts), and
 * whether every critical alert also has a way to people that does not lead through us.
 */
export function lintAlertmanagerConfig(file: string, source: string, known: AlertmanagerLint = {}): readonly Problem[] {
  const parsed = parseYaml(file, source);
  if ('problems' in parsed) return parsed.problems;
  const read = readAlertmanagerConfig(parsed.yaml);
  if ('problems' in read) return read.problems;
  const isOurs = ({ url }: AlertmanagerWebhook): boolean => url !== undefined && isOurUrl(url, known.externalUrl);
  return [...lintWebhooks(read.config, isOurs), ...lintCriticalRoutes(read.config, isOurs, known.critical)];
}

function lintWebhooks(config: AlertmanagerConfig, isOurs: (webhook: AlertmanagerWebhook) => boolean): readonly Problem[] {
  const { yaml, root, receivers } = config;
  const used = new Set(allRoutes(root).map(({ receiver }) => receiver));
  const ours = receivers.flatMap(({ name, webhooks }) => webhooks.filter(isOurs).map((webhook) => ({ name, ...webhook })));
  if (ours.length === 0) {
    return [
      yaml.problem(['receivers'], 'no receiver has a webhook whose URL ends with /webhooks/alertmanager', {
        at: 'key',
        severity: 'warning',
      }),
    ];
  }
  return ours.flatMap(({ name, sendsResolved, path }) => [
    ...(used.has(name) ? [] : [yaml.problem(path, `no route leads to the receiver '${name}'`, { severity: 'warning' })]),
    ...(sendsResolved ? [] : [yaml.problem(path, '`send_resolved: false`: nobody can tell whether a repair has helped')]),
  ]);
}

function isOurUrl(url: string, externalUrl: string | undefined): boolean {
  const parsed = URL.parse(url);
  if (parsed === null) return false;
  const host = externalUrl === undefined ? undefined : URL.parse(externalUrl)?.host;
  return parsed.pathname.endsWith('/webhooks/alertmanager') || parsed.host === host;
}
