import { z } from 'zod';
import { explainIssues } from '../schema/explain-issues.ts';
import type { Problem } from '../schema/problem.ts';
import { parseYaml } from '../schema/yaml-file.ts';

interface Route {
  readonly receiver?: string | undefined;
  readonly routes?: readonly Route[] | null | undefined;
}

const route: z.ZodType<Route> = z.lazy(() =>
  z.looseObject({ receiver: z.string().optional(), routes: z.array(route).nullish() }),
);
const webhook = z.looseObject({ url: z.string().optional(), send_resolved: z.boolean().optional() });
const configSchema = z.looseObject({
  route,
  receivers: z.array(z.looseObject({ name: z.string(), webhook_configs: z.array(webhook).nullish() })).nullish(),
});

/** Whether an Alertmanager configuration sends alerts here: a receiver with our webhook that a route names, with resolved alerts. */
export function lintAlertmanagerConfig(file: string, source: string): readonly Problem[] {
  const read = parseYaml(file, source);
  if ('problems' in read) return read.problems;
  const { yaml } = read;
  const parsed = configSchema.safeParse(yaml.value, { error: () => 'Invalid input' });
  if (!parsed.success) return explainIssues(yaml, configSchema, parsed.error.issues);
  const used = new Set(receiversOf(parsed.data.route));
  const ours = (parsed.data.receivers ?? []).flatMap((receiver, index) =>
    (receiver.webhook_configs ?? []).flatMap((config, place) =>
      isOurs(config.url)
        ? [
            {
              name: receiver.name,
              sendsResolved: config.send_resolved !== false,
              path: ['receivers', index, 'webhook_configs', place],
            },
          ]
        : [],
    ),
  );
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

function receiversOf(around: Route): readonly string[] {
  const below = (around.routes ?? []).flatMap(receiversOf);
  return around.receiver === undefined ? below : [around.receiver, ...below];
}

function isOurs(url: string | undefined): boolean {
  return url !== undefined && URL.parse(url)?.pathname.endsWith('/webhooks/alertmanager') === true;
}
