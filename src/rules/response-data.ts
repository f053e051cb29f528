import { z } from 'zod';
import type { Json } from '../domain/json.ts';
import { PAGERDUTY_SEVERITIES } from '../domain/response.ts';
import type { EscalationRung, NotifyTargets } from '../domain/response.ts';
import type { SeveritySetting } from '../domain/settings.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';

const notifySchema = z
  .strictObject({ slack: z.string().optional(), pagerduty: z.string().optional(), own_channel: z.boolean().optional() })
  .transform(({ own_channel: ownChannel, ...targets }): NotifyTargets => withoutUndefined({ ...targets, ownChannel }));

/** A level of a scale as snapshots of rules hold it. What was not stored by earlier versions has its default. */
export const severityDataSchema = z
  .strictObject({
    name: z.string(),
    matchers: z.array(z.string()),
    escalation_policy: z.string().optional(),
    response_time_ms: z.number().optional(),
    pagerduty_severity: z.enum(PAGERDUTY_SEVERITIES).optional(),
    active_time_intervals: z.array(z.string()).optional(),
    notify: notifySchema.optional(),
    update_every_ms: z.number().optional(),
    post_mortem: z.boolean().optional(),
  })
  .transform((given): SeveritySetting => ({
    name: given.name,
    matchers: given.matchers,
    activeTimeIntervals: given.active_time_intervals ?? [],
    notify: given.notify ?? {},
    postMortem: given.post_mortem ?? false,
    ...withoutUndefined({
      responseTimeMs: given.response_time_ms,
      escalationPolicy: given.escalation_policy,
      pagerdutySeverity: given.pagerduty_severity,
      updateEveryMs: given.update_every_ms,
    }),
  }));

/** An escalation policy as snapshots of rules hold it. */
export const policyDataSchema = z.array(
  z
    .strictObject({
      after_ms: z.number(),
      unless: z.array(z.enum(['acknowledged', 'verified'])),
      notify: notifySchema,
    })
    .transform((given): EscalationRung => ({ afterMs: given.after_ms, unless: given.unless, notify: given.notify })),
);

/** A level as plain data. Keys that say nothing are left out, so that scales without them keep the digests they had. */
export function severityData(setting: SeveritySetting): Json {
  const { name, matchers, activeTimeIntervals, notify, postMortem } = setting;
  return {
    name,
    matchers,
    ...withoutUndefined({
      escalation_policy: setting.escalationPolicy,
      response_time_ms: setting.responseTimeMs,
      pagerduty_severity: setting.pagerdutySeverity,
      update_every_ms: setting.updateEveryMs,
    }),
    ...(activeTimeIntervals.length === 0 ? {} : { active_time_intervals: activeTimeIntervals }),
    ...(Object.keys(notify).length === 0 ? {} : { notify: notifyData(notify) }),
    ...(postMortem ? { post_mortem: true } : {}),
  };
}

/** A policy as plain data. */
export function policyData(rungs: readonly EscalationRung[]): Json {
  return rungs.map(({ afterMs, unless, notify }) => ({ after_ms: afterMs, unless, notify: notifyData(notify) }));
}

function notifyData({ ownChannel, ...targets }: NotifyTargets): Json {
  return { ...targets, ...withoutUndefined({ own_channel: ownChannel }) };
}
