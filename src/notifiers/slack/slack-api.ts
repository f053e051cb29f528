import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  LogLevel,
  WebClient,
  type FetchFunction,
  type Logger,
} from '@slack/web-api';
import { NotifyError } from '../../domain/notifier.ts';
import type { Secret } from '../../domain/secret.ts';
import { SlackRefusal } from './slack-fault.ts';

/** One attempt takes no longer. */
const TIMEOUT_MS = 10_000;
/** A limit without `Retry-After`. */
const LIMITED_MS = 30_000;
/** Of a connection that never came about: certain that nothing was sent. */
const NEVER_SENT =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*|ERR_TLS_.*)$/;
/** Slack's own words look so; a proxy's page does not. */
const SLACK_WORD = /^[a-z0-9_]{2,80}$/;

/** The connection failed: with which code, before the client makes a text of it. */
class TransportFault extends Error {
  readonly code: string;

  constructor(code: string, cause: unknown) {
    super(`the connection to Slack failed: ${code}`, { cause });
    this.name = 'TransportFault';
    this.code = code;
  }
}

type Answer = Readonly<Record<string, unknown>>;

/** Slack's Web API: one request for one call, never repeated, never held back. */
export class SlackApi {
  readonly #token: Secret;
  readonly #apiUrl: string | undefined;

  constructor(token: Secret, apiUrl: string | undefined) {
    this.#token = token;
    this.#apiUrl = apiUrl;
  }

  /** Throws `SlackRefusal` for `ok: false`, else `NotifyError`: `unknown` where the request may have been taken. */
  async call(method: string, args: Record<string, unknown>, signal: AbortSignal): Promise<Answer> {
    try {
      return { ...(await this.#client(signal).apiCall(method, args)) };
    } catch (error) {
      throw translate(error, method);
    }
  }

  /** Sends the bytes of a file to where Slack wants them. Nobody sees them before the upload is completed. */
  async upload(address: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = await fetch(address, { method: 'POST', body: bytes, redirect: 'error', signal: limit }).catch(
      (error: unknown) => {
        throw new NotifyError('passing', `the upload of a file to Slack failed: ${codeOf(error)}`, { cause: error });
      },
    );
    await answer.arrayBuffer().catch(() => undefined);
    if (answer.status !== 200)
      throw new NotifyError('passing', `the upload of a file to Slack was answered with HTTP ${answer.status}`);
  }

  // A client for each call, because it takes no signal for one. It holds no connection: those are of `fetch`.
  #client(signal: AbortSignal): WebClient {
    const stoppable: FetchFunction = (url, { signal: timeout, ...init } = {}) => {
      const signals = timeout === undefined ? [signal] : [signal, timeout];
      return fetch(url, { ...init, signal: AbortSignal.any(signals) }).catch((error: unknown) => {
        throw new TransportFault(codeOf(error), error);
      });
    };
    return new WebClient(this.#token.reveal(), {
      ...(this.#apiUrl === undefined ? {} : { slackApiUrl: this.#apiUrl }),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      allowAbsoluteUrls: false,
      timeout: TIMEOUT_MS,
      fetch: stoppable,
      logger: SILENT,
    });
  }
}

function translate(error: unknown, method: string): SlackRefusal | NotifyError {
  if (error instanceof WebAPIPlatformError) return platformError(error, method);
  if (error instanceof WebAPIRateLimitedError) return limited(method, error.retryAfter * 1_000, error);
  if (error instanceof WebAPIHTTPError) return httpError(error, method);
  if (error instanceof WebAPIRequestError) return requestError(error.original, method);
  // The client throws a plain error for a limit without `Retry-After`: the word "Retry header" is all that tells.
  if (error instanceof Error && error.message.startsWith('Retry header')) return limited(method, LIMITED_MS, error);
  return new NotifyError('unknown', `the answer of Slack to ${method} was lost: ${codeOf(error)}`, { cause: error });
}

function platformError(error: WebAPIPlatformError, method: string): SlackRefusal | NotifyError {
  // The type says text; a body that is not Slack's may hold anything.
  const word: unknown = error.data.error;
  if (typeof word === 'string' && SLACK_WORD.test(word)) return new SlackRefusal(method, word);
  return new NotifyError('unknown', `what answered ${method} is not Slack; check slack.api_url and the proxies before it`);
}

function limited(method: string, retryAfterMs: number, cause: unknown): NotifyError {
  return new NotifyError('limited', `Slack limits ${method} for ${retryAfterMs / 1_000} s`, { retryAfterMs, cause });
}

function httpError(error: WebAPIHTTPError, method: string): NotifyError {
  // A gateway that gave up waiting cannot tell what became of the request behind it.
  const isUnknown = error.statusCode === 502 || error.statusCode === 504;
  return new NotifyError(isUnknown ? 'unknown' : 'passing', `Slack answered ${method} with HTTP ${error.statusCode}`);
}

function requestError(original: Error, method: string): NotifyError {
  const code = original instanceof TransportFault ? original.code : codeOf(original);
  return NEVER_SENT.test(code)
    ? new NotifyError('passing', `Slack cannot be reached for ${method}: ${code}`, { cause: original })
    : new NotifyError('unknown', `the answer of Slack to ${method} was lost: ${code}`, { cause: original });
}

/** The code of an error or of what caused it; else its name. Never its message, which may hold an address with a key. */
function codeOf(error: unknown, depth = 0): string {
  // By their properties: errors of Node's core need not be of our realm's classes.
  if (typeof error !== 'object' || error === null || depth > 5) return 'unknown error';
  const code: unknown = Reflect.get(error, 'code');
  if (typeof code === 'string') return code;
  const cause: unknown = Reflect.get(error, 'cause');
  if (cause !== undefined) return codeOf(cause, depth + 1);
  const name: unknown = Reflect.get(error, 'name');
  return typeof name === 'string' ? name : 'unknown error';
}

// What the client would log is in the errors already, and its lines hold whole messages.
const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};
