import { z } from 'zod';
import { Matcher } from '../domain/matcher.ts';
import { PatternError } from '../domain/pattern.ts';
import { checkYaml } from '../schema/explain-issues.ts';
import { matcherText } from '../schema/fields.ts';
import type { Problem } from '../schema/problem.ts';
import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';

/** A route of Alertmanager's tree, with what it inherits. */
export interface AlertmanagerRoute {
  readonly path: YamlPath;
  readonly receiver: string | undefined;
  /** Its own, of all three notations. */
  readonly matchers: readonly Matcher[];
  readonly continues: boolean;
  /** Whether time intervals keep it silent at times. */
  readonly isTimed: boolean;
  readonly routes: readonly AlertmanagerRoute[];
}

/** A place of `webhook_configs`. */
export interface AlertmanagerWebhook {
  readonly path: YamlPath;
  /** Absent when a file holds it. */
  readonly url: string | undefined;
  readonly sendsResolved: boolean;
}

export interface AlertmanagerReceiver {
  readonly name: string;
  readonly webhooks: readonly AlertmanagerWebhook[];
  /** Whether it has an integration of another kind: a pager, a chat, mail. */
  readonly hasOthers: boolean;
}

/** What matters here of an Alertmanager configuration. */
export interface AlertmanagerConfig {
  readonly yaml: YamlFile;
  readonly root: AlertmanagerRoute;
  readonly receivers: readonly AlertmanagerReceiver[];
}

const labelValue = z.coerce.string();

const anchoredPattern = labelValue.superRefine((value, context) => {
  try {
    new Matcher('', '=~', value);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(value)}: ${error.message}` });
  }
});

interface RouteDefinition {
  readonly receiver?: string | undefined;
  readonly matchers?: readonly (readonly Matcher[])[] | null | undefined;
  readonly match?: Readonly<Record<string, string>> | null | undefined;
  readonly match_re?: Readonly<Record<string, string>> | null | undefined;
  readonly continue?: boolean | undefined;
  readonly mute_time_intervals?: readonly string[] | null | undefined;
  readonly active_time_intervals?: readonly string[] | null | undefined;
  readonly routes?: readonly RouteDefinition[] | null | undefined;
}

const routeSchema: z.ZodType<RouteDefinition> = z.lazy(() =>
  z.looseObject({
    receiver: z.string().optional(),
    matchers: z.array(matcherText()).nullish(),
    match: z.record(z.string(), labelValue).nullish(),
    match_re: z.record(z.string(), anchoredPattern).nullish(),
    continue: z.boolean().optional(),
    mute_time_intervals: z.array(z.string()).nullish(),
    active_time_intervals: z.array(z.string()).nullish(),
    routes: z.array(routeSchema).nullish(),
  }),
);

const webhookSchema = z.looseObject({ url: z.string().optional(), send_resolved: z.boolean().optional() });

const configSchema = z.looseObject({
  route: routeSchema,
  receivers: z.array(z.looseObject({ name: z.string(), webhook_configs: z.array(webhookSchema).nullish() })).nullish(),
});

/** Reads what Alertmanager would do with alerts, or says what is wrong with the file. */
export function readAlertmanagerConfig(
  yaml: YamlFile,
): { readonly config: AlertmanagerConfig } | { readonly problems: readonly Problem[] } {
  const checked = checkYaml(yaml, configSchema);
  if ('problems' in checked) return checked;
  const { route, receivers } = checked.value;
  const read = (receivers ?? []).map((receiver, index): AlertmanagerReceiver => ({
    name: receiver.name,
    webhooks: (receiver.webhook_configs ?? []).map(({ url, send_resolved: resolved }, place) => ({
      path: ['receivers', index, 'webhook_configs', place],
      url,
      sendsResolved: resolved !== false,
    })),
    hasOthers: Object.entries(receiver).some(([key, value]) => key !== 'webhook_configs' && isIntegration(key, value)),
  }));
  return { config: { yaml, root: readRoute(route, undefined, ['route']), receivers: read } };
}

function isIntegration(key: string, value: unknown): boolean {
  return key.endsWith('_configs') && Array.isArray(value) && value.length > 0;
}

function readRoute(route: RouteDefinition, around: string | undefined, path: YamlPath): AlertmanagerRoute {
  const receiver = route.receiver === undefined || route.receiver === '' ? around : route.receiver;
  return {
    path,
    receiver,
    matchers: [
      ...(route.matchers ?? []).flat(),
      ...Object.entries(route.match ?? {}).map(([name, value]) => new Matcher(name, '=', value)),
      ...Object.entries(route.match_re ?? {}).map(([name, value]) => new Matcher(name, '=~', value)),
    ],
    continues: route.continue === true,
    isTimed: [route.mute_time_intervals, route.active_time_intervals].some((names) => (names ?? []).length > 0),
    routes: (route.routes ?? []).map((child, index) => readRoute(child, receiver, [...path, 'routes', index])),
  };
}
