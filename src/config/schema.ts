import { z } from 'zod';
import { API_ROLES } from '../domain/settings.ts';
import { byteSize, count, duration, httpUrl, rate, settingName, text } from '../schema/fields.ts';
import { jsonValue } from '../schema/json-value.ts';
import { secretKeys, secretText } from '../schema/secret-text.ts';
import { escalationPoliciesSchema, severitySchema } from '../schema/severity-schema.ts';
import { timeIntervalSchema } from '../schema/time-interval-schema.ts';
import { basicAuthSchema, connectionsSchema } from './connection-schemas.ts';

const webhookCredential = z.strictObject({
  name: settingName().optional(),
  ...secretKeys('bearer_token'),
  basic: basicAuthSchema.optional(),
  client_cert: z.strictObject({ subject: text() }).optional(),
  none: z.literal(true, { error: 'expected true' }).optional(),
});

const apiToken = z.strictObject({ person: settingName(), role: z.enum(API_ROLES), ...secretKeys('token') });

const auth = z.strictObject({
  webhook: z.array(webhookCredential).optional(),
  api: z.strictObject({ tokens: z.array(apiToken).optional() }).optional(),
  tls: z.strictObject({ cert_file: text(), key_file: text(), client_ca_file: text().optional() }).optional(),
});

const slack = z.strictObject({
  ...secretKeys('bot_token'),
  ...secretKeys('signing_secret'),
  ...secretKeys('app_token'),
  default_channel: text().optional(),
  api_url: httpUrl().optional(),
});

const pagerduty = z.strictObject({
  services: z.record(settingName(), z.strictObject({ ...secretKeys('routing_key') })).optional(),
  webhook_secrets: z.array(secretText()).optional(),
  webhook_secrets_file: text().optional(),
  events_url: httpUrl().optional(),
});

const limits = z.strictObject({
  storm: rate().optional(),
  max_runs: rate().optional(),
  max_concurrent_runs: count(1, 1_000).optional(),
  recurrence: duration().optional(),
  settle: duration().optional(),
  stale_after: duration({ leastMs: 1 }).optional(),
  body: byteSize().optional(),
});

const slackId = (expression: RegExp, expected: string, where: string) =>
  text().regex(expression, { error: `${expected} (ids, not names: in Slack, ${where})` });

const person = z.strictObject({
  slack: slackId(/^[UW][A-Z0-9]+$/, 'expected a Slack user id such as U012AB3CD', 'profile -> Copy member ID').optional(),
  pagerduty: text().optional(),
});

const role = z.union([
  z.array(settingName()),
  z.strictObject({
    people: z.array(settingName()).optional(),
    slack_usergroup: slackId(
      /^S[A-Z0-9]+$/,
      'expected the id of a Slack user group such as S012AB3CD',
      'user group -> Copy group ID',
    ).optional(),
  }),
]);

const approval = z.strictObject({
  roles: z.array(settingName()).min(1, { error: 'expected at least one role' }).optional(),
  count: count(1, 20).optional(),
  timeout: duration({ leastMs: 1 }).optional(),
  on_timeout: z.enum(['escalate', 'cancel']).optional(),
});

/** `remedyd.yml`. Every key is optional. */
export const configSchema = z.strictObject({
  listen: text().max(300).optional(),
  external_url: httpUrl().optional(),
  store: z.strictObject({ ...secretKeys('url'), retention: duration({ leastMs: 1 }).optional() }).optional(),
  rules: z.array(text()).optional(),
  watch: z.boolean().optional(),
  vars: z.record(z.string(), jsonValue).optional(),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).optional(),
      format: z.enum(['json', 'pretty']).optional(),
    })
    .optional(),
  auth: auth.optional(),
  people: z.record(settingName(), person.nullable()).optional(),
  roles: z.record(settingName(), role).optional(),
  approval: approval.optional(),
  connections: connectionsSchema.optional(),
  slack: slack.optional(),
  pagerduty: pagerduty.optional(),
  severities: z.array(severitySchema).optional(),
  escalation_policies: escalationPoliciesSchema.optional(),
  time_intervals: z.array(timeIntervalSchema).optional(),
  limits: limits.optional(),
});

export type ConfigDefinition = z.output<typeof configSchema>;
export type ConfigKey = keyof ConfigDefinition;
