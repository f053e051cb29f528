import * as z from 'zod';

/** Of a whole event, in bytes (docs/events-API-v2/01-Overview.md of PagerDuty's developer-docs). */
export const MAX_EVENT_BYTES = 512 * 1_024;

const timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/, 'is not an ISO 8601 timestamp');
const routingKey = z.string().length(32, "Length of 'routing_key' is incorrect (should be 32 characters)");
const dedupKey = z.string().min(1).max(255);
const details = z.record(z.string(), z.unknown());
const links = z.array(z.object({ href: z.url(), text: z.string().optional() }));

const triggerSchema = z.object({
  event_action: z.literal('trigger'),
  routing_key: routingKey,
  dedup_key: dedupKey.optional(),
  payload: z.object({
    summary: z.string().min(1).max(1_024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: timestamp.optional(),
    component: z.string().optional(),
    group: z.string().optional(),
    class: z.string().optional(),
    custom_details: details.optional(),
  }),
  links: links.optional(),
  images: z
    .array(z.object({ src: z.url({ protocol: /^https$/ }), href: z.url().optional(), alt: z.string().optional() }))
    .optional(),
  client: z.string().optional(),
  client_url: z.url().optional(),
});

/** An acknowledgement or a resolution needs to say of what. */
const followUpSchema = z.object({
  event_action: z.enum(['acknowledge', 'resolve']),
  routing_key: routingKey,
  dedup_key: dedupKey,
});

/** An alert event as docs/events-API-v2/02-Trigger-Events.md describes it. */
export const alertEventSchema = z.discriminatedUnion('event_action', [triggerSchema, followUpSchema]);

/** A change event as docs/events-API-v2/03-Change-Events.md describes it. */
export const changeEventSchema = z.object({
  routing_key: routingKey,
  payload: z.object({
    summary: z.string().min(1).max(1_024),
    source: z.string().optional(),
    timestamp: timestamp.optional(),
    custom_details: details.optional(),
  }),
  links: links.optional(),
});

export type AlertEvent = z.infer<typeof alertEventSchema>;
