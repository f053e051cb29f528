import type { Json, JsonObject } from './json.ts';
import type { IncidentPhase } from './incident-phase.ts';
import type { PagerDutySeverity } from './response.ts';
import type { Notification } from './state.ts';
import type { Incident } from './state.ts';
import type { IncidentDetail } from './store.ts';

/** Everything that may be said of an incident, as it is at this moment. Texts of rules are rendered; label text is as it came. */
export interface IncidentNews {
  readonly kind: 'incident';
  readonly detail: IncidentDetail;
  readonly phase: IncidentPhase;
  readonly description: string;
  readonly runbookUrl?: string;
  /** Where the whole of it is, under `external_url`. */
  readonly url?: string;
  /** Lines of the message: the rule's and those that people set. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  readonly pagerdutySeverity: PagerDutySeverity;
  /** What the automation will do next and when, in one line for each target; empty when nothing is left to it. */
  readonly next: readonly string[];
  /** Slack's user id of the person who has it. */
  readonly ownerSlackId?: string;
  /** The text for customers in this phase. */
  readonly customerMessage?: string;
  /** The draft of the post-mortem (Markdown), once it is resolved and its severity asks for one. */
  readonly postMortem?: string;
}

/** Many incidents that began together, in one place. */
export interface BundleNews {
  readonly kind: 'bundle';
  readonly id: string;
  readonly startedAt: number;
  /** The most urgent and the newest first. */
  readonly incidents: readonly Incident[];
  readonly url?: string;
  readonly pagerdutySeverity: PagerDutySeverity;
}

/** A text of the daemon itself. */
export interface NoticeNews {
  readonly kind: 'notice';
  readonly id: string;
  readonly text: string;
}

export type News = IncidentNews | BundleNews | NoticeNews;

/** One request to a vendor: what is sent, how it is found again, and how fast its kind may go. */
export interface NotifyOperation {
  /** e.g. `post`, `update`, `thread`, `upload`, `trigger`, `resolve`; for logs. */
  readonly kind: string;
  /** Operations of a lane go one after the other. */
  readonly lane: string;
  /** At least so much time between two operations of the lane, for the vendor's limits. */
  readonly gapMs: number;
  /** Goes with the request, so that it can be found again when its answer is lost. The same operation has the same one. */
  readonly nonce: string;
  /** Whether doing it twice is the same as doing it once: then it is not looked for. */
  readonly isRepeatable: boolean;
  /** What the notifier needs to do it. Plain data: it is journaled before it is done. */
  readonly request: JsonObject;
}

/** What a place has been told after an operation. */
export interface Delivered {
  readonly told: JsonObject;
  readonly toldPosition: number;
}

/**
 * Why a message was not taken. `passing`: try again. `limited`: not before `retryAfterMs`. `unknown`: it may have
 * been taken, the answer was lost. `refused`: never, as it is. `unreachable_place`: this place will not do; another may.
 * `unauthorized`: not before somebody repairs the credentials; it is tried again now and then.
 */
export const NOTIFY_ERROR_CODES = ['passing', 'limited', 'unknown', 'refused', 'unreachable_place', 'unauthorized'] as const;
export type NotifyErrorCode = (typeof NOTIFY_ERROR_CODES)[number];

/** A message that was not taken, or of which nobody can tell. Its text never holds a secret. */
export class NotifyError extends Error {
  readonly code: NotifyErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: NotifyErrorCode, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'NotifyError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Tells a kind of place. It keeps nothing in memory that matters: what it said is in the row of the notification. */
export interface Notifier {
  /** For metrics and logs. */
  readonly name: 'slack' | 'pagerduty' | 'log';
  /** What to say next, or `undefined` when the place knows everything. Pure: the same row and news, the same operation. */
  next(news: News, notification: Notification): NotifyOperation | undefined;
  /** One attempt. Throws `NotifyError`. */
  send(operation: NotifyOperation, notification: Notification, signal: AbortSignal): Promise<Delivered>;
  /** Whether the operation was taken although its answer was lost. Throws `NotifyError` when that cannot be told now. */
  find(operation: NotifyOperation, notification: Notification, signal: AbortSignal): Promise<Delivered | undefined>;
}

/** The place that stands for a Slack channel of the incident's own. Only a severity asks for it; no text of a rule can. */
export const OWN_PLACE = 'own';

/** The name of a notification's row. */
export function notificationId(incidentId: string, channel: Notification['channel'], place: string): string {
  return `${incidentId}:${channel}:${place}`;
}

/** An operation as it is journaled. */
export function operationToJson({ kind, lane, gapMs, nonce, isRepeatable, request }: NotifyOperation): JsonObject {
  return { kind, lane, gap_ms: gapMs, nonce, is_repeatable: isRepeatable, request };
}

/** A journaled operation; `undefined` for what is none. */
export function operationFromJson(value: JsonObject | null): NotifyOperation | undefined {
  if (value === null) return undefined;
  const { kind, lane, gap_ms: gapMs, nonce, is_repeatable: isRepeatable, request } = value;
  if (typeof kind !== 'string' || typeof lane !== 'string' || typeof gapMs !== 'number' || typeof nonce !== 'string')
    return undefined;
  if (!isObject(request)) return undefined;
  return { kind, lane, gapMs, nonce, isRepeatable: isRepeatable === true, request };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
