import { z } from 'zod';
import { jsonValue } from '../schema/json-value.ts';
import { PARAMETER_TYPES } from '../domain/parameter.ts';
import { RULE_MODES } from '../domain/rule.ts';
import type { IncidentPhase } from '../domain/incident-phase.ts';
import { escalationPoliciesSchema, severitySchema } from '../schema/severity-schema.ts';

const duration = z
  .string()
  .regex(/^(?=.)(?:0|(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?)$/, 'not a duration such as 30s, 10m or 2h')
  .describe('A duration such as 30s, 1h30m or 2d.');
const RATE = /^[1-9]\d{0,5} per \S+$/;
const rate = z.string().regex(RATE, "not a rate such as '3 per 24h'").describe("A rate such as '3 per 24h'.");
const name = z.string().regex(/^[a-z0-9-]{1,100}$/, 'a name is made of a-z, 0-9 and -');
const stepId = z.string().regex(/^[a-z][a-z0-9_]{0,60}$/, 'an id starts with a-z and is made of a-z, 0-9 and _');
const parameterName = z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,60}$/, 'a name of a parameter is made of letters, digits and _');
const expression = z.string().min(1, 'an empty expression').describe('A CEL expression, without {{ }}.');
const template = z.string().min(1, 'an empty text').describe('A text; {{ }} holds a CEL expression.');
const matcher = z.string().describe('A matcher of Alertmanager, in quotes: \'severity =~ "warning|critical"\'.');
const labelNames = z.array(z.string().min(1, 'an empty label name'));
const values = z.record(z.string(), jsonValue);

const approval = z.strictObject({
  roles: z.array(z.string()).min(1, 'at least one role').optional(),
  count: z.int().min(1).max(20).optional().describe('How many different people.'),
  timeout: duration.optional(),
  on_timeout: z.enum(['escalate', 'cancel']).optional(),
});

const step = z.strictObject({
  id: stepId.optional(),
  name: z.string().optional(),
  if: expression.optional(),
  for_each: z.union([expression, z.array(jsonValue).max(100, 'at most 100 entries')]).optional(),
  uses: z.string().describe('A remediation, or playbook/NAME.'),
  connection: template.optional(),
  with: values.optional(),
  timeout: duration.optional(),
  retry: z.strictObject({ attempts: z.int().min(1).max(20), backoff: duration.optional() }).optional(),
  on_error: z.enum(['fail', 'continue']).optional(),
  expect: expression.optional(),
  within: duration.optional(),
  approval: z.union([z.boolean(), approval]).optional(),
});

const check = z.strictObject({
  uses: z.string(),
  connection: template.optional(),
  with: values.optional(),
  expect: expression,
  within: duration.optional(),
  timeout: duration.optional(),
});

const verify = z.strictObject({
  checks: z.array(check).max(50, 'at most 50 checks').optional(),
  stable_for: duration.optional(),
  resolved_within: duration.optional(),
});

const steps = z.array(step).min(1, 'at least one step').max(200, 'at most 200 steps');

const rungFields = {
  playbook: name.optional().describe('The name of a playbook; or write `steps` here.'),
  with: values.optional(),
  steps: steps.optional(),
  finally: steps.optional().describe('Steps that run whatever happened.'),
};

const bound = z.union([z.number(), z.string()]);
const parameter = z.strictObject({
  type: z.enum(PARAMETER_TYPES),
  description: z.string().optional(),
  required: z.boolean().optional(),
  default: jsonValue.optional(),
  enum: z.array(jsonValue).min(1, 'at least one value').optional(),
  pattern: z.string().optional().describe('A regular expression (RE2) for the whole text.'),
  min: bound.optional(),
  max: bound.optional(),
});
const parameters = z.record(parameterName, parameter);

const safety = z.strictObject({
  cooldown: duration.optional(),
  max_runs: z.array(rate).optional(),
  max_targets: z.array(z.union([z.int().min(1), rate])).optional(),
  breaker: z
    .string()
    .regex(/^[1-9]\d{0,5} (?:failures )?per \S+$/, "not a limit such as '3 failures per 24h'")
    .optional(),
  allow_destructive: z.boolean().optional(),
});

const notify = z.strictObject({ slack: template.optional(), pagerduty: template.optional() });

const customerMessages = z.strictObject({
  investigating: template.optional(),
  identified: template.optional(),
  monitoring: template.optional(),
  resolved: template.optional(),
} satisfies Record<IncidentPhase, unknown>);

// What a rule may take from `defaults`.
const sharedFields = {
  runbook_url: z.string().optional(),
  group_by: labelNames.optional(),
  severity: z.string().optional(),
  mode: z.enum(RULE_MODES).optional(),
  delay: duration.optional(),
  cancel_window: duration.optional(),
  verify: verify.optional(),
  on_resolved: z.enum(['cancel', 'finish']).optional(),
  timeout: duration.optional(),
  safety: safety.optional(),
  unless_firing: z
    .array(z.strictObject({ matchers: z.array(matcher).min(1, 'at least one matcher'), equal: labelNames.optional() }))
    .optional(),
  mute_time_intervals: z.array(z.string()).optional(),
  active_time_intervals: z.array(z.string()).optional(),
  approval: approval.optional(),
  fields: z.record(z.string(), template).optional(),
  customer_messages: customerMessages.optional().describe('What customers may be told, by the phase of the incident.'),
  notify: notify.optional(),
  objectives: z
    .strictObject({
      rto: duration.optional().describe('How long an incident may take at most.'),
      rpo: duration.optional().describe('How long it may be at most since the last run that succeeded.'),
    })
    .optional()
    .describe('What `remedyd report` holds the rule to.'),
  escalation_policy: z.string().optional(),
};

const rule = z.strictObject({
  name,
  description: z.string().optional(),
  matchers: z.array(matcher).optional(),
  schedule: z.strictObject({ cron: z.string(), timezone: z.string().optional(), catch_up: duration.optional() }).optional(),
  manual: z.strictObject({ roles: z.array(z.string()).min(1, 'at least one role') }).optional(),
  params: parameters.optional(),
  target: template.optional(),
  ...rungFields,
  fallbacks: z.array(z.strictObject(rungFields)).max(20, 'at most 20 fallbacks').optional(),
  ...sharedFields,
});

const playbook = z.strictObject({
  name,
  description: z.string().optional(),
  params: parameters.optional(),
  steps,
  finally: steps.optional(),
});

/** A rule file. */
export const ruleFileSchema = z.strictObject({
  defaults: z.strictObject({ connection: z.string().optional(), ...sharedFields }).optional(),
  rules: z.array(rule).optional(),
  playbooks: z.array(playbook).optional(),
  severities: z.array(severitySchema).optional().describe('A scale of severities for the rules of this file.'),
  escalation_policies: escalationPoliciesSchema.optional(),
});

/** What `defaults` may hold. */
export const defaultsSchema = ruleFileSchema.shape.defaults.unwrap();
/** One rule as it is written, after `defaults`. */
export const ruleSchema = rule;
/** One playbook as it is written. */
export const playbookSchema = playbook;

export type RuleFileDefinition = z.infer<typeof ruleFileSchema>;
export type DefaultsDefinition = z.infer<typeof defaultsSchema>;
export type RuleDefinition = z.infer<typeof rule>;
export type PlaybookDefinition = z.infer<typeof playbook>;
export type StepDefinition = z.infer<typeof step>;
export type CheckDefinition = z.infer<typeof check>;
export type ParameterDefinition = z.infer<typeof parameter>;
export type ApprovalDefinition = z.infer<typeof approval>;
export type SafetyDefinition = z.infer<typeof safety>;
/** The rule's own way to act, or one of its fallbacks. */
export type RungDefinition = Pick<RuleDefinition, keyof typeof rungFields>;
