import { z } from 'zod';
import { GATES } from '../domain/reason.ts';
import { RULE_MODES } from '../domain/rule.ts';
import { INCIDENT_STATUSES } from '../domain/state.ts';
import { jsonValue } from '../schema/json-value.ts';

const duration = z.string().describe('A duration since the start of the test: 0s, 90s, 4m30s.');
const labels = z.record(z.string(), z.string());
const names = z.array(z.string());
const values = z.record(z.string(), jsonValue);
const mode = z
  .enum(RULE_MODES)
  .optional()
  .describe('Runs all rules of the files in this mode, whatever theirs is: shipped rules only observe.');
const groupBy = z
  .array(z.string())
  .optional()
  .describe(
    "Alertmanager's group_by: alerts of one instant that have these labels in common come as one webhook. Default: [alertname].",
  );

const alert = z.strictObject({
  at: duration,
  labels,
  annotations: labels.optional(),
  status: z.enum(['firing', 'resolved']).optional().describe('Default: firing. An alert fires until it is resolved.'),
});

const scriptedRemediation = z.strictObject({
  uses: z.string(),
  when: values.optional().describe('Only for calls with these parameters; `connection` is the name of the connection.'),
  takes: z.string().optional().describe('How long each of these calls takes; default: no time.'),
  outputs: z
    .array(values)
    .min(1)
    .describe(
      'What calls return, in order, the last one again. What is not said is as in the example of the catalogue. ' +
        '`error` makes a call fail with that code; beside it may stand `message`, `stage` (plan or run) and `happened` (nothing or unknown).',
    ),
});

const subject = z.string().optional();
const person = z.strictObject({
  at: duration,
  by: z.string().describe('A person of the configuration; without one, anybody, who has all roles.'),
  roles: names.optional().describe("Instead of the person's configured roles."),
  ack: subject.describe('A rule, or the target of a run.'),
  approve: subject.describe('A rule, the id of the step that waits, or the target of the run.'),
  reject: subject.describe('A rule, the id of the step that waits, or the target of the run.'),
  cancel: subject.describe('A rule, or the target of a run.'),
  retry: subject.describe('A rule, or the target of a run.'),
  resolve: subject.describe('A rule, or the target of a run.'),
  escalate: subject.describe('A rule, or the target of a run.'),
  run: subject.describe('A rule with `manual`.'),
  rearm: subject.describe('A rule whose breaker is open.'),
  pause: z
    .union([z.literal(true), z.string()])
    .optional()
    .describe('true, or for how long.'),
  resume: z.literal(true).optional(),
  params: values.optional().describe('Of `run`.'),
  target: z.string().optional().describe('Of `run`, where the target of the rule needs an alert.'),
  override: z.enum(GATES).optional().describe('Of `retry`: skips this gate.'),
  reason: z.string().optional(),
  refused: z.literal(true).optional().describe('The act must be refused.'),
});

const expectation = z.strictObject({
  at: duration,
  rule: z.string().optional().describe('Default: the rule of the newest run.'),
  target: z.string().optional(),
  run: z
    .string()
    .optional()
    .describe('The state or outcome of the newest run: held, running, verifying, verified, failed, …; none: there is none.'),
  reason: z.string().optional().describe('Why it is held, was suppressed or failed.'),
  steps: names.optional().describe('The ids of the steps that succeeded, in order: of the playbook or fallback under way.'),
  params: values.optional().describe('The parameters of the run.'),
  rung: z.int().min(0).optional().describe('0 for the playbook, 1 for the first fallback, ….'),
  attempt: z
    .int()
    .min(1)
    .optional()
    .describe('Counts earlier acting runs within limits.recurrence, and the fallbacks of this one.'),
  runs: z.int().min(0).optional().describe('How many runs there have been, of this rule and target.'),
  incident: z.enum([...INCIDENT_STATUSES, 'none']).optional(),
  severity: z.string().optional(),
  escalation_level: z.int().min(0).optional(),
  notified: names
    .optional()
    .describe('Places that have been told of the incident: slack/#ops, pagerduty/NAME; slack: any of Slack.'),
  not_notified: names.optional().describe('Places that have not been told of the incident.'),
});

/** A file of rule tests (`*.test.yml`). */
export const testsFileSchema = z.strictObject({
  config: z
    .string()
    .optional()
    .describe(
      'The configuration with vars, roles, severities and intervals; its secrets are not read, and connections are never opened.',
    ),
  rule_files: z.array(z.string()).min(1).describe('Rule files and folders; paths count from this file.'),
  mode,
  group_by: groupBy,
  tests: z.array(
    z.strictObject({
      name: z.string().min(1),
      start: z.string().optional().describe('An instant in ISO 8601; default: 2026-01-01T00:00:00Z.'),
      mode,
      group_by: groupBy,
      alerts: z.array(alert).optional(),
      remediations: z.array(scriptedRemediation).optional(),
      people: z.array(person).optional(),
      expect: z.array(expectation).min(1, 'at least one expectation'),
    }),
  ),
});

export type TestsFileDefinition = z.infer<typeof testsFileSchema>;
export type TestDefinition = TestsFileDefinition['tests'][number];
export type ScriptDefinition = z.infer<typeof scriptedRemediation>;
export type PersonDefinition = z.infer<typeof person>;
export type ExpectationDefinition = z.infer<typeof expectation>;
