import type { Secret } from '../../domain/secret.ts';
import {
  NotifyError,
  type Delivered,
  type IncidentNews,
  type News,
  type Notifier,
  type NotifyOperation,
} from '../../domain/notifier.ts';
import type { Notification } from '../../domain/state.ts';
import { bundleEvent } from './bundle-event.ts';
import { changeEvent, nextChange } from './change-event.ts';
import { requestFromJson, requestToJson, type EventRequest } from './event-request.ts';
import { eventsServer, type EventsServer } from './events-server.ts';
import { incidentEvent } from './incident-event.ts';
import { nextAction, pageStateOfBundle, pageStateOfIncident, toldAfter } from './next-action.ts';
import { NoAnswerError, sendAlert, sendChange, type EventAnswer } from './send-event.ts';
import { readTold, toldToJson } from './told.ts';

/** 120 events a minute and integration key: https://developer.pagerduty.com/docs/events-api-v2-rate-limits. */
const GAP_MS = 500;
/** PagerDuty names no time with its 429s (and pdjs shows no header of them); its documentation advises half a minute. */
const LIMITED_MS = 30_000;

export interface PagerDutyOptions {
  /** Routing keys by the name of the service. */
  readonly services: ReadonlyMap<string, Secret>;
  /** Instead of PagerDuty's own, e.g. a proxy. */
  readonly eventsUrl?: string | undefined;
  /** Where people find this daemon; its host is the source of events. */
  readonly externalUrl?: string | undefined;
}

/**
 * Calls people with Events API v2, once for each incident, however often it is told: PagerDuty knows it by its `dedup_key`.
 * Runs are told as change events, which have no such key: each is sent at most once.
 */
export class PagerDutyNotifier implements Notifier {
  readonly name = 'pagerduty';
  readonly #options: PagerDutyOptions;
  readonly #to: EventsServer;

  constructor(options: PagerDutyOptions) {
    this.#options = options;
    this.#to = eventsServer(options.eventsUrl);
  }

  next(news: News, notification: Notification): NotifyOperation | undefined {
    const request = this.#owed(news, notification);
    if (request === undefined) return undefined;
    const kind = request.kind === 'change' ? 'change' : request.event.event_action;
    const { told, toldPosition } = request;
    const version = request.kind === 'change' ? [toldPosition] : [told.level, told.severityRank, notification.toldVersion];
    return {
      kind,
      lane: notification.place,
      gapMs: GAP_MS,
      nonce: [notification.id, kind, ...version].join(' '),
      // A page whose answer is lost must be known as such before anything else is decided: see find().
      isRepeatable: kind === 'acknowledge' || kind === 'resolve',
      request: requestToJson(request),
    };
  }

  async send(operation: NotifyOperation, notification: Notification, signal: AbortSignal): Promise<Delivered> {
    const request = readRequest(operation);
    const { place } = notification;
    const key = this.#options.services.get(place);
    if (key === undefined) throw new NotifyError('unreachable_place', `pagerduty.services has no ${JSON.stringify(place)}`);
    const routingKey = key.reveal();
    let answer: EventAnswer;
    try {
      answer = await (request.kind === 'change'
        ? sendChange(request.event, routingKey, this.#to, signal)
        : sendAlert(request.event, routingKey, this.#to, signal));
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      const isLostChange = error.fate === 'lost' && request.kind === 'change';
      const isUnknown = isLostChange || (error.fate !== 'not_sent' && isFirstTrigger(operation, notification));
      throw new NotifyError(isUnknown ? 'unknown' : 'passing', hide(routingKey, error.message), { cause: error.cause });
    }
    if (answer.status < 200 || answer.status > 299)
      throw refusal({ ...answer, problems: hide(routingKey, answer.problems) }, isFirstTrigger(operation, notification));
    return { told: toldToJson(request.told), toldPosition: request.toldPosition };
  }

  /**
   * Events cannot be looked for. A change event counts as taken, so that it is sent at most once. A trigger may have been
   * taken: that is what the place is remembered to know, and what is owed now is decided anew. So a person is not called for
   * what was resolved meanwhile, and an incident that was opened unseen is acknowledged and resolved.
   */
  find(operation: NotifyOperation, notification: Notification): Promise<Delivered | undefined> {
    const request = requestFromJson(operation.request);
    if (request?.kind === 'change')
      return Promise.resolve({ told: toldToJson(request.told), toldPosition: request.toldPosition });
    if (request === undefined) return Promise.resolve(undefined);
    const told = { ...request.told, state: 'uncertain' } as const;
    return Promise.resolve({ told: toldToJson(told), toldPosition: notification.toldPosition });
  }

  #owed(news: News, notification: Notification): EventRequest | undefined {
    switch (news.kind) {
      case 'incident':
        return this.#owedPage(news, notification) ?? this.#owedChange(news, notification);
      case 'bundle': {
        const page = pageStateOfBundle(news);
        const told = readTold(notification.told);
        const action = nextAction(page, told);
        if (action === undefined) return undefined;
        const event = bundleEvent(action, news, this.#options.externalUrl);
        return { kind: 'event', event, told: toldAfter(action, page, told), toldPosition: notification.toldPosition };
      }
      case 'notice':
        // A text is no reason to call anybody.
        return undefined;
    }
  }

  #owedPage(news: IncidentNews, { purpose, told: json, toldPosition }: Notification): EventRequest | undefined {
    const page = pageStateOfIncident(news);
    const told = readTold(json);
    const action = purpose === 'page' ? nextAction(page, told) : undefined;
    if (action === undefined) return undefined;
    const event = incidentEvent(action, news, this.#options.externalUrl);
    return { kind: 'event', event, told: toldAfter(action, page, told), toldPosition };
  }

  /** A service hears of runs when it has been told of the incident, or when the incident's message lives there. */
  #owedChange(news: IncidentNews, { purpose, place, told: json, toldPosition }: Notification): EventRequest | undefined {
    const told = readTold(json);
    if (purpose === 'page' && told.state === 'none') return undefined;
    const entry = nextChange(news, toldPosition);
    if (entry === undefined || this.#isRuleset(place)) return undefined;
    const event = changeEvent(entry, news, this.#options.externalUrl);
    return { kind: 'change', event, told, toldPosition: entry.position };
  }

  /** Rulesets (keys that begin with R) refuse change events: https://developer.pagerduty.com/docs/change-events. */
  #isRuleset(place: string): boolean {
    return this.#options.services.get(place)?.reveal().startsWith('R') === true;
  }
}

function readRequest({ request }: NotifyOperation): EventRequest {
  const read = requestFromJson(request);
  if (read === undefined) throw new NotifyError('refused', 'the journaled event cannot be read');
  return read;
}

/** A trigger for a place that does not know yet that an incident may be open there. */
function isFirstTrigger({ kind }: NotifyOperation, { told }: Notification): boolean {
  const { state } = readTold(told);
  return kind === 'trigger' && (state === 'none' || state === 'resolved');
}

function refusal({ status, problems }: EventAnswer, isFirst: boolean): NotifyError {
  const text = `PagerDuty answered ${status}${problems === '' ? '' : `: ${problems}`}`;
  if (status === 429) return new NotifyError('limited', text, { retryAfterMs: LIMITED_MS });
  if (status === 401 || status === 403) return new NotifyError('unauthorized', text);
  // A server that failed may have opened the incident first.
  if (status >= 500) return new NotifyError(isFirst ? 'unknown' : 'passing', text);
  return new NotifyError(status === 408 ? 'passing' : 'refused', text);
}

function hide(secret: string, text: string): string {
  return text.replaceAll(secret, '[secret]');
}
