import { z } from 'zod';
import { PAGERDUTY_SEVERITIES } from '../domain/response.ts';
import type { EscalationRung, NotifyTargets } from '../domain/response.ts';
import type { SeveritySetting } from '../domain/settings.ts';
import { duration, matcherText, settingName, text } from './fields.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';

/** Where people are told or called. */
const notifySchema = z
  .strictObject({ slack: text().optional(), pagerduty: text().optional(), own_channel: z.boolean().optional() })
  .transform(({ own_channel: ownChannel, ...targets }): NotifyTargets => withoutUndefined({ ...targets, ownChannel }));

// The texts of the matchers are kept, because snapshots of rules hold them; they are parsed here to be checked.
const checkedMatchers = z
  .array(z.string().superRefine(checkMatcher), { error: 'expected a list of matchers such as [\'severity = "critical"\']' })
  .min(1, { error: 'expected at least one matcher' });

/** One level of a scale of severities. */
export const severitySchema = z
  .strictObject({
    name: settingName(),
    matchers: checkedMatchers,
    response_time: duration({ leastMs: 1 }).optional(),
    escalation_policy: text().optional(),
    pagerduty_severity: z.enum(PAGERDUTY_SEVERITIES).optional(),
    active_time_intervals: z.array(text()).optional(),
    notify: notifySchema.optional(),
    update_every: duration({ leastMs: 1 }).optional(),
    post_mortem: z.boolean().optional(),
  })
  .transform((given): SeveritySetting => ({
    name: given.name,
    matchers: given.matchers,
    activeTimeIntervals: given.active_time_intervals ?? [],
    notify: given.notify ?? {},
    postMortem: given.post_mortem ?? false,
    ...withoutUndefined({
      responseTimeMs: given.response_time,
      escalationPolicy: given.escalation_policy,
      pagerdutySeverity: given.pagerduty_severity,
      updateEveryMs: given.update_every,
    }),
  }));

/** The rungs of one escalation policy, in the order of time. */
const escalationPolicySchema = z
  .array(
    z
      .strictObject({ after: duration(), unless: z.array(z.enum(['acknowledged', 'verified'])).optional(), notify: notifySchema })
      .transform((given): EscalationRung => ({
        afterMs: given.after,
        unless: given.unless ?? [],
        notify: given.notify,
      })),
  )
  .min(1, { error: 'expected at least one rung such as { after: 5m, notify: { slack: "#ops" } }' })
  .superRefine((rungs, context) => {
    rungs.forEach((rung, index) => {
      const before = rungs[index - 1];
      if (before !== undefined && rung.afterMs < before.afterMs) {
        context.addIssue({
          code: 'custom',
          message: 'this rung comes before the one above it; write them in the order of time',
          path: [index, 'after'],
        });
      }
    });
  });

/** Escalation policies by name. */
export const escalationPoliciesSchema = z.record(settingName(), escalationPolicySchema);

function checkMatcher(given: string, context: z.core.$RefinementCtx): void {
  const checked = matcherText().safeParse(given);
  for (const issue of checked.error?.issues ?? []) {
    context.addIssue({
      code: 'custom',
      message: issue.message,
      ...(issue.code === 'custom' ? withoutUndefined({ params: issue.params }) : {}),
    });
  }
}
