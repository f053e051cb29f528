import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from '../domain/secret.ts';
import { StoreUnavailableError } from '../domain/store.ts';
import { NotRecordedError, OverloadedError } from '../pipeline/pipeline.ts';
import { BodyBudget } from './body-budget.ts';
import { BodyError } from './body-error.ts';
import type { PagerDutyIn, PagerDutyInDeps } from './pagerduty-in.ts';
import { isSignedByPagerDuty } from './pagerduty-signature.ts';
import { refuseUnread, sendJson } from './send-answer.ts';
import { inTime, TooLateError } from './slack/in-time.ts';
import { withBody } from './with-body.ts';

const ROUTE = '/webhooks/pagerduty';
/** PagerDuty waits for 5 s (https://developer.pagerduty.com/docs/webhooks-behavior). */
const ANSWER_WITHIN_MS = 4_000;
/** Webhooks have at most 256 KB. */
const MAX_BODY_BYTES = 1_048_576;
/** Over all bodies that are being read: who sends them is known only afterwards. */
const MAX_BYTES_IN_FLIGHT = 32 * 1_048_576;
/** Strangers must not fill the log. */
const LOG_EVERY_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

type Deps = Pick<PagerDutyInDeps, 'pipeline' | 'settings' | 'clock' | 'log'> & {
  readonly onFault: (message: string, error: unknown) => void;
};

const LATER: Answer = { status: 503, code: 'unavailable', message: 'it cannot be written just now; come again' };

/**
 * `POST /webhooks/pagerduty`: 202 once it is on disk, also for what means nothing here. PagerDuty repeats what gets a 503, and
 * drops what gets a 4xx; three of those in a row disable the subscription for a day. So only a wrong signature gets one.
 */
export class PagerDutyWebhook {
  readonly #in: Pick<PagerDutyIn, 'take'>;
  readonly #deps: Deps;
  readonly #limits = { maxBytes: MAX_BODY_BYTES, budget: new BodyBudget(MAX_BYTES_IN_FLIGHT) };
  #refused = 0;
  #loggedAt = -Infinity;

  constructor(pagerDutyIn: Pick<PagerDutyIn, 'take'>, deps: Deps) {
    this.#in = pagerDutyIn;
    this.#deps = deps;
  }

  isFor({ url = '' }: IncomingMessage): boolean {
    return url === ROUTE || url.startsWith(`${ROUTE}?`);
  }

  /** Answers; never rejects. Without `pagerduty.webhook_secrets` there is nothing here. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const secrets = this.#deps.settings().pagerduty?.webhookSecrets ?? [];
    if (secrets.length === 0) {
      refuse(request, response, { status: 404, code: 'not_found', message: 'pagerduty.webhook_secrets is not configured' });
      return;
    }
    if (request.method !== 'POST') {
      refuse(request, response, { status: 405, code: 'method_not_allowed', message: 'only POST' });
      return;
    }
    try {
      await withBody(request, this.#limits, (body) => this.#take(body, secrets, request, response));
    } catch (error) {
      const answer = this.#answerTo(error);
      if (answer !== undefined) refuse(request, response, answer);
    }
  }

  async #take(body: Buffer, secrets: readonly Secret[], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pipeline, clock } = this.#deps;
    const signature = request.headersDistinct['x-pagerduty-signature']?.join(',') ?? '';
    if (!isSignedByPagerDuty(signature, body, secrets)) {
      refuse(request, response, this.#unauthorized());
      return;
    }
    if (!pipeline.isAccepting) {
      refuse(request, response, LATER);
      return;
    }
    using deadline = clock.timeout(ANSWER_WITHIN_MS);
    await inTime(this.#in.take(body, deadline.signal), deadline.signal);
    sendJson(response, 202, {});
  }

  #unauthorized(): Answer {
    const { clock, log } = this.#deps;
    this.#refused += 1;
    if (clock.monotonic() - this.#loggedAt >= LOG_EVERY_MS) {
      log.error(
        { requests: this.#refused },
        `requests to ${ROUTE} have no signature that fits pagerduty.webhook_secrets; if PagerDuty sent them, it disables the subscription for a day after three: correct the secret, then enable the subscription again`,
      );
      this.#loggedAt = clock.monotonic();
      this.#refused = 0;
    }
    return { status: 401, code: 'unauthorized', message: 'no signature of pagerduty.webhook_secrets fits' };
  }

  /** Nothing when there is nobody left to answer. */
  #answerTo(error: unknown): Answer | undefined {
    if (error instanceof BodyError) {
      switch (error.code) {
        case 'aborted':
          return undefined;
        case 'overloaded':
          return LATER;
        case 'too_large':
          return { status: 413, code: error.code, message: `the body is larger than ${MAX_BODY_BYTES} bytes` };
        case 'corrupt':
        case 'unsupported_encoding':
          return this.#unauthorized();
      }
    }
    const isStore = error instanceof StoreUnavailableError || error instanceof OverloadedError;
    const isLate = error instanceof TooLateError || error instanceof NotRecordedError;
    if (!isStore && !isLate) this.#deps.onFault('a webhook of PagerDuty could not be handled', error);
    return LATER;
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, code, message }: Answer): void {
  const headers = status === 503 ? { 'Retry-After': '5' } : status === 405 ? { Allow: 'POST' } : {};
  refuseUnread(request, response, status, { error: { code, message } }, headers);
}
