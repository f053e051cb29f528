import { z } from 'zod';
import { jsonValue } from '../schema/json-value.ts';

const duration = z.string().describe('A duration since the start of the test: 0s, 90s, 4m30s.');
const labels = z.record(z.string(), z.string());
const names = z.array(z.string());

const alert = z.strictObject({
  at: duration,
  labels,
  annotations: labels.optional(),
  status: z.enum(['firing', 'resolved']).optional(),
});

const scriptedRemediation = z.strictObject({
  uses: z.string(),
  when: z.record(z.string(), jsonValue).optional().describe('Only for calls with these parameters.'),
  outputs: z
    .array(z.record(z.string(), jsonValue))
    .min(1)
    .describe('What calls return, in order, the last one again; `error` fails.'),
});

const person = z.strictObject({
  at: duration,
  by: z.string(),
  ack: z.string().optional(),
  approve: z.string().optional(),
  reject: z.string().optional(),
  cancel: z.string().optional(),
});

const expectation = z.strictObject({
  at: duration,
  rule: z.string().optional(),
  target: z.string().optional(),
  run: z.string().optional().describe('The state or outcome of the run: held, running, verifying, verified, failed, …'),
  reason: z.string().optional(),
  steps: names.optional(),
  attempt: z.int().optional(),
  escalation_level: z.int().optional(),
  notified: names.optional(),
});

/** A file of rule tests (`*.test.yml`). */
export const testsFileSchema = z.strictObject({
  config: z
    .string()
    .optional()
    .describe('The configuration with vars, roles, severities and intervals; connections are never opened.'),
  rule_files: z.array(z.string()).min(1),
  tests: z.array(
    z.strictObject({
      name: z.string(),
      start: z.string().optional().describe('An instant in ISO 8601.'),
      alerts: z.array(alert),
      remediations: z.array(scriptedRemediation).optional(),
      people: z.array(person).optional(),
      expect: z.array(expectation).min(1),
    }),
  ),
});
