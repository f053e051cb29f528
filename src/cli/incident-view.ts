import { z } from 'zod';

// Passed on as it is: a copy would lose a label that is called `__proto__`.
const labels = z.custom<Readonly<Record<string, string>>>((value) => typeof value === 'object' && value !== null);

const timelineEntry = z.object({
  at: z.string(),
  kind: z.string(),
  reason: z.string().nullable(),
  text: z.string(),
  actor: z.string().nullable(),
});

const step = z.object({
  id: z.string(),
  uses: z.string(),
  state: z.string(),
  attempts: z.number(),
  plan: z.unknown(),
  output: z.unknown(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const run = z.object({
  id: z.string(),
  rule: z.string(),
  target: z.string(),
  state: z.string(),
  outcome: z.string().nullable(),
  reason: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  intent_digest: z.string().nullable(),
  approval: z
    .object({
      state: z.string(),
      why: z.string(),
      roles: z.array(z.string()),
      count: z.number(),
      approved_by: z.array(z.string()),
      timeout_at: z.string(),
      intent: z.array(z.object({ step: z.string(), uses: z.string(), summary: z.string() })),
    })
    .nullable(),
  steps: z.array(step),
});

const alert = z.object({ status: z.string(), labels });

/** What the commands read of an incident; the API may say more. */
export const incidentView = z.object({
  id: z.string(),
  rule: z.string(),
  status: z.string(),
  phase: z.string(),
  severity: z.string(),
  labels,
  started_at: z.string(),
  acknowledged_at: z.string().nullable(),
  acknowledged_by: z.string().nullable(),
  resolved_at: z.string().nullable(),
  escalation_level: z.number(),
  truncated_alerts: z.number(),
  fields: labels,
  update_due_at: z.string().nullable(),
});

export const incidentDetailView = incidentView.extend({
  alerts: z.array(alert),
  runs: z.array(run),
  timeline: z.array(timelineEntry),
});

export type IncidentView = z.infer<typeof incidentView>;
export type IncidentDetailView = z.infer<typeof incidentDetailView>;
