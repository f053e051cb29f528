import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AlertBatch } from '../domain/alert.ts';
import type { Clock } from '../domain/clock.ts';
import { StoreUnavailableError } from '../domain/store.ts';
import { OverloadedError, type Pipeline } from '../pipeline/pipeline.ts';
import { parseAlertmanagerPayload } from './alertmanager-payload.ts';
import type { WebhookAuthenticator } from './authenticate-webhook.ts';
import { BodyError } from './body-error.ts';
import { PayloadError } from './payload-error.ts';
import { refuseUnread, sendJson } from './send-answer.ts';
import { ShortTurns } from './short-turns.ts';
import { withBody, type BodyLimits } from './with-body.ts';

export interface AlertmanagerWebhookDeps {
  readonly pipeline: Pick<Pipeline, 'accept' | 'isAccepting'>;
  readonly clock: Clock;
  readonly authenticate: WebhookAuthenticator;
  readonly limits: BodyLimits;
  /** Called with the status of every answer. */
  readonly onAnswer: (status: number) => void;
  readonly onFault: (message: string, error: unknown) => void;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Seconds until a sender should come again. Alertmanager has its own backoff; others look here. */
const RETRY_AFTER = { 'Retry-After': '5' };

/**
 * `POST /webhooks/alertmanager`: 202 once the alerts are on disk. A fault that may pass is a 503, because Alertmanager
 * repeats on nothing else: it drops what gets a 4xx, and loses what gets a redirect.
 */
export class AlertmanagerWebhook {
  readonly #deps: AlertmanagerWebhookDeps;
  readonly #turns = new ShortTurns();
  #lastAcceptedAt: number | null = null;

  constructor(deps: AlertmanagerWebhookDeps) {
    this.#deps = deps;
  }

  /** Whether a request is for this route. It has no other spelling, and none that redirects to it. */
  static isFor(request: IncomingMessage): boolean {
    const url = request.url ?? '';
    if (url === '/webhooks/alertmanager') return true;
    return url.startsWith('/webhooks/alertmanager') && /^\/webhooks\/alertmanager\/?(?:\?|$)/.test(url);
  }

  /** When the last webhook was accepted (epoch ms). */
  get lastAcceptedAt(): number | null {
    return this.#lastAcceptedAt;
  }

  /** Answers; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admitted = this.#admit(request);
    if ('status' in admitted) {
      this.#refuse(request, response, admitted);
      return;
    }
    try {
      await withBody(request, this.#deps.limits, (body) => this.#accept(body, admitted.source, response));
    } catch (error) {
      const answer = this.#answerTo(error);
      if (answer !== undefined) this.#refuse(request, response, answer);
    }
  }

  /** What can be said before the body is read: whose it is, or why it is not read. */
  #admit(request: IncomingMessage): { readonly source: string } | Answer {
    if (request.method !== 'POST') return failure(405, 'method_not_allowed', 'only POST');
    const source = this.#deps.authenticate(request);
    if (source === undefined) return failure(401, 'unauthorized', 'no credential of auth.webhook fits');
    if (!isJson(request)) return failure(415, 'unsupported_media_type', 'content-type has to be application/json');
    if (!this.#deps.pipeline.isAccepting) return failure(503, 'unavailable', 'starting or stopping; come again');
    return { source };
  }

  async #accept(body: Buffer, source: string, response: ServerResponse): Promise<void> {
    const { clock, pipeline } = this.#deps;
    const batch = await this.#turns.run(async (): Promise<AlertBatch> => {
      const parsed = parseAlertmanagerPayload(body, { source, receivedAt: clock.now() });
      await pipeline.accept(parsed);
      return parsed;
    });
    this.#lastAcceptedAt = batch.receivedAt;
    this.#deps.onAnswer(202);
    sendJson(response, 202, { accepted: batch.alerts.length, quarantined: batch.quarantined.length });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
    this.#deps.onAnswer(status);
    const headers =
      status === 503 ? RETRY_AFTER : status === 405 ? { Allow: 'POST' } : status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {};
    refuseUnread(request, response, status, body, headers);
  }

  /** Nothing when there is nobody left to answer. */
  #answerTo(error: unknown): Answer | undefined {
    if (error instanceof PayloadError) return failure(error.code === 'too_many_alerts' ? 413 : 400, error.code, error.message);
    if (error instanceof BodyError) {
      switch (error.code) {
        case 'too_large':
          return failure(413, error.code, error.message);
        case 'overloaded':
          return failure(503, error.code, error.message);
        case 'unsupported_encoding':
          return failure(415, error.code, error.message);
        case 'corrupt':
          return failure(400, error.code, error.message);
        case 'aborted':
          return undefined;
      }
    }
    if (error instanceof OverloadedError) return failure(503, error.code, 'too many alerts wait to be written; come again');
    if (error instanceof StoreUnavailableError)
      return failure(503, 'unavailable', 'the alerts cannot be written just now; come again');
    this.#deps.onFault('a webhook could not be handled', error);
    return failure(500, 'internal_error', 'a defect of remedyd; its log says more');
  }
}

function isJson(request: IncomingMessage): boolean {
  const type = request.headers['content-type'];
  return type === 'application/json' || /^application\/json *(?:;|$)/i.test(type ?? '');
}

function failure(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}
