import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { listOf, toInstant } from './object-metadata.ts';
import { RESOURCES } from './resource.ts';

const PAGE = 500;
/** A busy namespace keeps thousands for an hour; only the newest are wanted, but the API has no such order. */
const MOST_PAGES = 10;
const LONGEST_MESSAGE = 500;

const eventSchema = z.object({
  metadata: z.object({ name: z.string(), creationTimestamp: z.string().nullish() }),
  involvedObject: z.object({ kind: z.string().default(''), name: z.string().default('') }),
  type: z.string().default('Normal'),
  reason: z.string().default(''),
  message: z.string().default(''),
  count: z.int().nullish(),
  firstTimestamp: z.string().nullish(),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  series: z.object({ count: z.int().default(1), lastObservedTime: z.string().nullish() }).nullish(),
});

export interface ObjectEvents {
  /** Newest first. */
  readonly events: readonly JsonObject[];
  /** How many there are, also those left out. */
  readonly count: number;
}

/** The newest events of a namespace, or of one object of it. */
export async function readEvents(
  api: KubernetesApi,
  namespace: string,
  object: { readonly kind: string; readonly name: string; readonly uid?: string } | undefined,
  limit: number,
): Promise<ObjectEvents> {
  const fields = {
    'involvedObject.kind': object?.kind,
    'involvedObject.name': object?.name,
    'involvedObject.uid': object?.uid,
  };
  const chosen = Object.entries(fields).flatMap(([field, value]) => (value === undefined ? [] : [`${field}=${value}`]));
  const events: z.infer<typeof eventSchema>[] = [];
  let next: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = {
      limit: String(PAGE),
      ...(chosen.length === 0 ? {} : { fieldSelector: chosen.join(',') }),
      ...(next === undefined ? {} : { continue: next }),
    };
    const list = await callApi(api, { verb: 'list', resource: { ...RESOURCES.event, namespace }, query }, listOf(eventSchema));
    events.push(...list.items);
    next = list.metadata.continue;
    if (next === undefined || next === '') break;
  }
  const entries = events.map(toEntry).sort((a, b) => (a.last_at < b.last_at ? 1 : -1));
  return { events: entries.slice(0, limit), count: entries.length };
}

function toEntry(event: z.infer<typeof eventSchema>) {
  const { involvedObject, type, reason, message, series } = event;
  const createdAt = event.eventTime ?? event.metadata.creationTimestamp;
  return {
    object: `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`,
    type,
    reason,
    message: message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE).toWellFormed()}…` : message,
    count: series?.count ?? event.count ?? 1,
    first_at: toInstant(event.firstTimestamp ?? createdAt),
    last_at: toInstant(series?.lastObservedTime ?? event.lastTimestamp ?? createdAt),
  };
}
