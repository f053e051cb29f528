import type { Json, JsonObject } from '../../domain/json.ts';
import { PAGERDUTY_SEVERITIES } from '../../domain/response.ts';
import type { AlertEvent, ChangeEvent, EventLink } from './event.ts';
import type { EventAction } from './next-action.ts';
import { readTold, toldToJson, type Told } from './told.ts';

/** What is journaled before it is sent: the event without its routing key, and what the service knows afterwards. */
export type EventRequest = {
  readonly told: Told;
  readonly toldPosition: number;
} & ({ readonly kind: 'event'; readonly event: AlertEvent } | { readonly kind: 'change'; readonly event: ChangeEvent });

const ACTIONS: readonly EventAction[] = ['trigger', 'acknowledge', 'resolve'];

export function requestToJson({ kind, event, told, toldPosition }: EventRequest): JsonObject {
  const json = kind === 'event' ? alertToJson(event) : changeToJson(event);
  return { kind, event: json, told: toldToJson(told), told_position: toldPosition };
}

/** `undefined` for what is no request of this notifier. */
export function requestFromJson({ kind, event, told, told_position: toldPosition }: JsonObject): EventRequest | undefined {
  if (!isObject(event) || !isObject(told) || typeof toldPosition !== 'number') return undefined;
  const after = { told: readTold(told), toldPosition };
  if (kind === 'change') {
    const change = readChange(event);
    return change === undefined ? undefined : { kind, event: change, ...after };
  }
  const alert = kind === 'event' ? readAlert(event) : undefined;
  return alert === undefined ? undefined : { kind: 'event', event: alert, ...after };
}

function alertToJson({ links, ...event }: AlertEvent): JsonObject {
  return { ...event, payload: { ...event.payload }, ...(links === undefined ? {} : { links: links.map(linkToJson) }) };
}

function changeToJson({ payload, links }: ChangeEvent): JsonObject {
  return { payload: { ...payload }, links: links.map(linkToJson) };
}

function linkToJson({ href, text }: EventLink): JsonObject {
  return { href, text };
}

function readAlert(event: JsonObject): AlertEvent | undefined {
  const { dedup_key: dedupKey, payload, links } = event;
  const action = ACTIONS.find((candidate) => candidate === event['event_action']);
  if (action === undefined || typeof dedupKey !== 'string' || !isObject(payload)) return undefined;
  const { summary, source, custom_details: details } = payload;
  const severity = PAGERDUTY_SEVERITIES.find((candidate) => candidate === payload['severity']);
  if (typeof summary !== 'string' || typeof source !== 'string' || severity === undefined) return undefined;
  return {
    event_action: action,
    dedup_key: dedupKey,
    payload: {
      summary,
      source,
      severity,
      ...texts(payload, ['timestamp', 'component', 'group', 'class']),
      ...(isObject(details) ? { custom_details: details } : {}),
    },
    ...(links === undefined ? {} : { links: readLinks(links) }),
    ...texts(event, ['client', 'client_url']),
  };
}

function readChange({ payload, links }: JsonObject): ChangeEvent | undefined {
  if (!isObject(payload)) return undefined;
  const { summary, source, timestamp, custom_details: details } = payload;
  if (typeof summary !== 'string' || typeof source !== 'string' || typeof timestamp !== 'string') return undefined;
  return {
    payload: { summary, source, timestamp, custom_details: isObject(details) ? details : {} },
    links: readLinks(links),
  };
}

function readLinks(links: Json | undefined): readonly EventLink[] {
  if (!Array.isArray(links)) return [];
  return links.filter(isObject).flatMap(({ href, text }) => {
    return typeof href === 'string' && typeof text === 'string' ? [{ href, text }] : [];
  });
}

/** Those of the names whose values are texts. */
function texts<const Name extends string>(from: JsonObject, names: readonly Name[]): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = from[name];
    if (typeof value === 'string') found[name] = value;
  }
  return found;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
