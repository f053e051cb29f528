import { z } from 'zod';
import type { NamedIntervals } from '../domain/mute-times.ts';
import { TimeIntervalError, parseTimeInterval } from '../domain/time-interval.ts';
import type { TimeInterval, TimeIntervalSpec } from '../domain/time-interval.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { duration, settingName } from './fields.ts';

// A key without a value means the same as no key, as it does to Alertmanager.
const ranges = (expected: string) =>
  z
    .array(z.union([z.string(), z.int().transform(String)], { error: expected }))
    .nullish()
    .transform((texts) => texts ?? undefined);

const clock = z.string({ error: "expected a time such as '09:00'" });

const specSchema = z.strictObject({
  times: z
    .array(z.strictObject({ start_time: clock, end_time: clock }))
    .nullish()
    .transform((times) => times ?? undefined),
  weekdays: ranges("expected weekdays such as 'monday:friday'"),
  days_of_month: ranges("expected days such as 1, '1:7' or '-3:-1'"),
  months: ranges("expected months such as 'december' or '1:3'"),
  years: ranges("expected years such as 2026 or '2026:2027'"),
  location: z
    .string()
    .nullish()
    .transform((location) => location ?? undefined),
});

const intervalSchema = specSchema.transform((spec, context): TimeInterval => parseInContext(spec, context));

/** An entry of `time_intervals`, in Alertmanager's syntax, with our `announce`. */
export const timeIntervalSchema = z
  .strictObject({
    name: settingName(),
    time_intervals: z.array(intervalSchema).nullish(),
    announce: duration()
      .optional()
      .describe('How long before it begins people are told that it will mute automation; default 24h, 0s never.'),
  })
  .transform(({ name, time_intervals: intervals, announce: announceMs }): NamedIntervals => ({
    name,
    intervals: intervals ?? [],
    ...withoutUndefined({ announceMs }),
  }));

function parseInContext(spec: TimeIntervalSpec, context: z.core.$RefinementCtx): TimeInterval {
  try {
    return parseTimeInterval(spec);
  } catch (error) {
    if (!(error instanceof TimeIntervalError)) throw error;
    context.addIssue({ code: 'custom', message: error.message, path: [...error.path] });
    return z.NEVER;
  }
}
