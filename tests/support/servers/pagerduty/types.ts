import type { IncomingHttpHeaders } from 'node:http';
import type { Fault, Misbehaviour } from '../slack-and-pagerduty/faults.ts';
import type { DaemonAnswer, RequestHeaders } from '../slack-and-pagerduty/post-to-daemon.ts';

export interface PagerDutyOptions {
  /** Integration keys of 32 characters; one (`routingKey`) unless given. */
  readonly routingKeys?: readonly string[];
  /** Off unless `true`: 120 events a minute and routing key. */
  readonly rateLimits?: boolean;
}

export type PagerDutyStatus = 'triggered' | 'acknowledged' | 'resolved';

/** What an event did: `appended` to an alert that was open already, `dropped` although answered with 202. */
export type PagerDutyEffect = 'opened' | 'appended' | 'acknowledged' | 'resolved' | 'dropped';

export interface PagerDutyIncident {
  readonly id: string;
  readonly number: number;
  readonly routingKey: string;
  readonly dedupKey: string;
  readonly status: PagerDutyStatus;
  /** Those of the event that opened it. */
  readonly summary: string;
  readonly severity: string;
  /** Everything that reached it, oldest first. */
  readonly events: readonly PagerDutyEvent[];
}

/** An accepted event, as sent. */
export interface PagerDutyEvent {
  readonly action: 'trigger' | 'acknowledge' | 'resolve';
  readonly routingKey: string;
  /** PagerDuty's own when a trigger had none. */
  readonly dedupKey: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly effect: PagerDutyEffect;
  /** `Date.now()`. */
  readonly at: number;
}

/** An accepted change event, as sent. */
export interface PagerDutyChange {
  readonly routingKey: string;
  readonly summary: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly at: number;
}

/** A request as it came in, accepted or not. */
export interface PagerDutyCall {
  readonly method: 'enqueue' | 'change' | 'unknown';
  readonly args: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  readonly at: number;
  /** `http 202` and so on, `cut_before`, `cut_after`; `pending` until it is answered. */
  readonly outcome: string;
}

/** A name, from which an id is made, or the id too. */
export type PagerDutyPerson = string | { readonly id: string; readonly name: string };

export interface PagerDutyWebhook {
  /** The daemon's route. */
  readonly url: string;
  /** Several while a secret is being replaced: one signature each. */
  readonly secrets: readonly string[];
  /** `incident.acknowledged`, `incident.annotated` and so on. An incident known here changes its status with it. */
  readonly event: string;
  /** The incident or its dedup key (the last one opened under it). Not needed when `data` is given. */
  readonly incident?: string | PagerDutyIncident;
  /** Who did it, Alice unless given; `null` when PagerDuty itself did. */
  readonly agent?: PagerDutyPerson | null;
  /** Those it is assigned to; the agent unless given. */
  readonly assignees?: readonly PagerDutyPerson[];
  /** The note, for `incident.annotated`. */
  readonly content?: string;
  /** Replaces fields of `event.data`. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly eventId?: string;
  /** `X-Webhook-Id`, random unless given: give the same to deliver again. */
  readonly webhookId?: string;
  /** ISO 8601; now unless given. */
  readonly occurredAt?: string;
  /** The whole `X-PagerDuty-Signature` instead of the right one. */
  readonly signatures?: string;
  /** Replaces or, with `undefined`, removes headers. */
  readonly headers?: RequestHeaders;
  /** The whole body instead of the one built here; it is signed as given. */
  readonly rawBody?: string;
}

export interface PagerDutyServer extends AsyncDisposable {
  /** `https://127.0.0.1:<port>`; its certificate is signed by `ca`. */
  readonly eventsUrl: string;
  /** The same server over plain HTTP. */
  readonly plainUrl: string;
  /** `127.0.0.1:<port>` of the HTTPS one, for pdjs's `server`. */
  readonly server: string;
  /** PEM of the authority, for `new Agent({ ca })`; and its file, for NODE_EXTRA_CA_CERTS. */
  readonly ca: string;
  readonly caFile: string;
  /** The first of the routing keys. */
  readonly routingKey: string;

  /** In the order they were opened. */
  readonly incidents: readonly PagerDutyIncident[];
  /** The last incident opened under the key, with any routing key unless given; `undefined` when there is none. */
  incident(dedupKey: string, routingKey?: string): PagerDutyIncident | undefined;
  /** Accepted events, dropped ones too, oldest first. */
  readonly events: readonly PagerDutyEvent[];
  readonly changes: readonly PagerDutyChange[];
  /** Every request, oldest first. */
  readonly calls: readonly PagerDutyCall[];

  /** The methods are `enqueue` and `change`. */
  fail(fault: Fault<Misbehaviour>): void;
  stopFailing(): void;
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  limitRates(isOn: boolean): void;
  /** Resolves once it holds; looks again after each call and each change. 15 s unless given. */
  until(isMet: (pagerduty: PagerDutyServer) => boolean, timeoutMs?: number): Promise<void>;

  /** Delivers one V3 webhook, once: what comes of an answer that is no 2xx is for the test to decide. */
  webhook(webhook: PagerDutyWebhook): Promise<DaemonAnswer>;
  /** `v1=` and the HMAC-SHA256 of the body. */
  sign(secret: string, rawBody: string): string;

  stop(): Promise<void>;
}
