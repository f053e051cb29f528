import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from '../../domain/secret.ts';
import { BodyBudget } from '../body-budget.ts';
import { BodyError } from '../body-error.ts';
import { refuseUnread, sendJson } from '../send-answer.ts';
import { withBody } from '../with-body.ts';
import { RecentSignatures } from './recent-signatures.ts';
import type { SlackInDeps } from './slack-in-deps.ts';
import type { SlackIn } from './slack-in.ts';
import { parseCommandForm, parseInteractionForm, type SlackRequest } from './slack-request.ts';
import { isSignedBySlack, readSlackClaim, type SlackClaim, type SlackFault } from './slack-signature.ts';

const PARSERS: ReadonlyMap<string, Admitted['parse']> = new Map<string, Admitted['parse']>([
  ['/slack/interactions', parseInteractionForm],
  ['/slack/commands', parseCommandForm],
]);

const MAX_BODY_BYTES = 1_048_576;
/** Over all bodies that are being read: who sends them is known only afterwards. */
const MAX_BYTES_IN_FLIGHT = 32 * 1_048_576;
/** Strangers must not fill the log. */
const LOG_EVERY_MS = 60_000;

const FORM = /^application\/x-www-form-urlencoded *(?:; *charset="?utf-8"? *)?$/i;

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A request that may be Slack's: its body decides. */
interface Admitted {
  readonly parse: (body: Buffer) => SlackRequest | undefined;
  readonly secret: Secret;
  readonly claim: SlackClaim;
}

type Deps = Pick<SlackInDeps, 'settings' | 'clock' | 'onFault' | 'log'>;

/** `POST /slack/interactions` and `POST /slack/commands`: nothing happens before Slack's signature is verified. */
export class SlackWebhook {
  readonly #slackIn: Pick<SlackIn, 'answer'>;
  readonly #deps: Deps;
  readonly #limits = { maxBytes: MAX_BODY_BYTES, budget: new BodyBudget(MAX_BYTES_IN_FLIGHT) };
  readonly #seen = new RecentSignatures();
  #refused = 0;
  #loggedAt = -Infinity;

  constructor(slackIn: Pick<SlackIn, 'answer'>, deps: Deps) {
    this.#slackIn = slackIn;
    this.#deps = deps;
  }

  isFor(request: IncomingMessage): boolean {
    return PARSERS.has(pathOf(request));
  }

  /** Answers the request. Without `slack.signing_secret` there is nothing here. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admitted = this.#admit(request);
    if ('status' in admitted) {
      refuse(request, response, admitted);
      return;
    }
    try {
      await withBody(request, this.#limits, (body) => this.#take(body, admitted, request, response));
    } catch (error) {
      const refusal = this.#refusalOf(error);
      if (refusal !== undefined) refuse(request, response, refusal);
    }
  }

  /** What can be said before the body is read. */
  #admit(request: IncomingMessage): Admitted | Refusal {
    const { settings, clock } = this.#deps;
    const parse = PARSERS.get(pathOf(request));
    const secret = settings().slack?.signingSecret;
    if (parse === undefined || secret === undefined)
      return { status: 404, code: 'not_found', message: 'slack.signing_secret is not configured' };
    if (request.method !== 'POST') return { status: 405, code: 'method_not_allowed', message: 'only POST' };
    if (!isForm(request)) {
      const message = 'content-type has to be application/x-www-form-urlencoded';
      return { status: 415, code: 'unsupported_media_type', message };
    }
    const claim = readSlackClaim(request, clock.now());
    return typeof claim === 'string' ? this.#unauthorized(claim) : { parse, secret, claim };
  }

  /** What is not for us, or not understood, is taken without a word: Slack would show the person an error. */
  async #take(
    body: Buffer,
    { parse, secret, claim }: Admitted,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const fault = isSignedBySlack(claim, body, secret) ? this.#takeOnce(claim) : 'signature';
    if (fault !== undefined) {
      refuse(request, response, this.#unauthorized(fault));
      return;
    }
    const parsed = parse(body);
    if (parsed === undefined) response.writeHead(200, { 'Content-Length': 0 }).end();
    else sendJson(response, 200, await this.#slackIn.answer(parsed, claim.signature));
  }

  #takeOnce({ signature }: SlackClaim): SlackFault | undefined {
    return this.#seen.take(signature, this.#deps.clock.monotonic()) ? undefined : 'replay';
  }

  /** Whoever sent it is not told what was wrong. */
  #unauthorized(fault: SlackFault): Refusal {
    this.#count(fault);
    return { status: 401, code: 'unauthorized', message: 'the request is not signed by Slack for this moment' };
  }

  /** Nothing when there is nobody left to answer. */
  #refusalOf(error: unknown): Refusal | undefined {
    if (!(error instanceof BodyError)) {
      this.#deps.onFault('a request of Slack could not be handled', error);
      return { status: 500, code: 'internal_error', message: 'a defect of remedyd; its log says more' };
    }
    const { code, message } = error;
    switch (code) {
      case 'too_large':
        return { status: 413, code, message: `the body is larger than ${MAX_BODY_BYTES} bytes` };
      case 'overloaded':
        return { status: 503, code, message };
      case 'unsupported_encoding':
        return { status: 415, code, message };
      case 'corrupt':
        return { status: 400, code, message };
      case 'aborted':
        return undefined;
    }
  }

  #count(fault: SlackFault): void {
    const { clock, log } = this.#deps;
    this.#refused += 1;
    if (clock.monotonic() - this.#loggedAt < LOG_EVERY_MS) return;
    log.warn({ fault, requests: this.#refused }, 'requests to the Slack routes are not signed by Slack');
    this.#loggedAt = clock.monotonic();
    this.#refused = 0;
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, code, message }: Refusal): void {
  refuseUnread(request, response, status, { error: { code, message } }, status === 405 ? { Allow: 'POST' } : {});
}

/** Slack compresses nothing, and what is signed are the bytes as they are sent. */
function isForm({ headers }: IncomingMessage): boolean {
  return FORM.test(headers['content-type'] ?? '') && (headers['content-encoding'] ?? 'identity') === 'identity';
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
