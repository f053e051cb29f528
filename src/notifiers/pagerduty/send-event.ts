import { change, event } from '@pagerduty/pdjs';
import type { Agent } from 'node:https';
import type { AlertEvent, ChangeEvent } from './event.ts';
import type { EventsServer } from './events-server.ts';

/** What PagerDuty answered. */
export interface EventAnswer {
  readonly status: number;
  /** The errors that it names. */
  readonly problems: string;
}

/**
 * No answer of PagerDuty. `not_sent`: there was no connection. `lost`: the event may have been taken. `unreadable`: something
 * answered that is not JSON, with a status that pdjs does not tell, as servers in trouble and proxies do.
 */
export class NoAnswerError extends Error {
  readonly fate: 'not_sent' | 'lost' | 'unreadable';

  constructor(fate: NoAnswerError['fate'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'NoAnswerError';
    this.fate = fate;
  }
}

/** System errors of a connection that was never made. */
const NOT_CONNECTED: readonly unknown[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];
const MAX_PROBLEMS = 500;

/** What both kinds of requests have in common. */
interface RequestOptions {
  readonly server: string;
  readonly agent: () => Agent;
  readonly requestTimeout: number;
  readonly retryTimeout: number;
  readonly redirect: 'error';
  readonly signal: AbortSignal;
}

/** As pdjs takes a change event. Its types ask for an action, which only events have; those of a method are read less strictly. */
interface ChangeSender {
  change(parameters: {
    readonly data: { readonly routing_key: string; readonly payload: object; readonly links?: readonly object[] };
  }): Promise<{ readonly status: number; readonly data: unknown }>;
}
const changeSender: ChangeSender = { change };

export function sendAlert(alert: AlertEvent, routingKey: string, to: EventsServer, signal: AbortSignal): Promise<EventAnswer> {
  const { links = [], payload, ...rest } = alert;
  const data = { ...rest, payload: { ...payload }, links: [...links], routing_key: routingKey };
  return once(to, signal, (options) => event({ ...options, data }));
}

export function sendChange(
  { payload, links }: ChangeEvent,
  routingKey: string,
  to: EventsServer,
  signal: AbortSignal,
): Promise<EventAnswer> {
  const data = { payload: { ...payload }, links: [...links], routing_key: routingKey };
  return once(to, signal, (options) => changeSender.change({ ...options, data }));
}

/**
 * One request, whatever it is answered. pdjs repeats what gets a 429 by itself, up to three times, and cannot be told
 * otherwise; but it asks for an agent each time, so that the second time is the end, and means 429.
 */
async function once(
  { server, agent }: EventsServer,
  signal: AbortSignal,
  send: (options: RequestOptions) => Promise<{ readonly status: number; readonly data: unknown }>,
): Promise<EventAnswer> {
  let asked = 0;
  const onlyOnce = (): Agent => {
    asked += 1;
    if (asked > 1) throw new Error('one request only');
    return agent;
  };
  try {
    const { status, data } = await send({
      server,
      agent: onlyOnce,
      // It would only keep the process alive; the signal ends the request.
      requestTimeout: 0,
      retryTimeout: 0,
      redirect: 'error',
      signal,
    });
    return { status, problems: problemsOf(data) };
  } catch (error) {
    if (asked > 1) return { status: 429, problems: '' };
    throw noAnswer(error);
  }
}

function noAnswer(error: unknown): NoAnswerError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const fate = NOT_CONNECTED.includes(code) ? 'not_sent' : type === 'invalid-json' ? 'unreadable' : 'lost';
  return new NoAnswerError(fate, message, { cause: error });
}

/** `{ message, errors: […] }` of https://developer.pagerduty.com/docs/events-api-v2, in one line. */
function problemsOf(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const errors: unknown = 'errors' in data ? data.errors : undefined;
  const message: unknown = 'message' in data ? data.message : undefined;
  const texts = [message, errors].flat().filter((text) => typeof text === 'string');
  return texts.join('; ').slice(0, MAX_PROBLEMS).toWellFormed();
}
