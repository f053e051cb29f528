import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { createStopError } from '../stop-error.ts';
import { readBody, type Body } from './read-body.ts';
import type { RequestHeaders } from './request-headers.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: RequestHeaders;
  readonly body?: string | undefined;
  readonly maxBytes: number;
  /** Whether the request may change something, so that its loss after sending is `unknown`. */
  readonly isChange: boolean;
}

export interface HttpAnswer extends Body {
  readonly status: number;
  readonly headers: RequestHeaders;
}

/**
 * Sends one request over a connection of its own and reads the answer. Redirects are not followed, proxies of the
 * environment not used. What fails before the connection stands happened to `nothing`.
 */
export async function sendRequest(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const what = `${request.method} ${request.url.origin}${request.url.pathname}`;
  const progress = { isSent: false };
  try {
    const response = await openResponse(request, signal, () => {
      progress.isSent = true;
    });
    const status = response.statusCode ?? 0;
    const isBodiless = request.method === 'HEAD' || status === 204 || status === 304;
    const body = await readBody(response, request.maxBytes, isBodiless);
    return { status, headers: readHeaders(response), ...body };
  } catch (error) {
    const happened = progress.isSent && request.isChange ? 'unknown' : 'nothing';
    if (signal.aborted) throw createStopError(signal, what, happened);
    const { code, detail } = classify(error);
    throw new StepError(code, `${what} failed: ${detail}`, { happened, cause: error });
  }
}

function openResponse(request: HttpRequest, signal: AbortSignal, onSent: () => void): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isTls = request.url.protocol === 'https:';
    // A connection of its own: a reused one may be closed just now, and then nobody knows whether the request arrived.
    const options = { method: request.method, headers: request.headers, agent: false as const, signal };
    const client = (isTls ? requestHttps : requestHttp)(request.url, options);
    client.once('socket', (socket) => socket.once(isTls ? 'secureConnect' : 'connect', onSent));
    client.once('response', resolve);
    client.on('error', reject);
    client.once('close', () => reject(new Error('the connection was closed without an answer')));
    client.end(request.body);
  });
}

/** Cookies are credentials that the server made for us: they are not kept. */
function readHeaders(response: IncomingMessage): RequestHeaders {
  const entries = Object.entries(response.headers).filter(([name]) => name !== 'set-cookie');
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
}

function classify(error: unknown): { readonly code: StepErrorCode; readonly detail: string } {
  if (error instanceof StepError) return { code: error.code, detail: error.message };
  const { code, text } = describeError(error);
  // These are llhttp's, zlib's and brotli's names for what they cannot read.
  const isUnreadable = /^(HPE_|Z_|ERR__ERROR_)/.test(code);
  return { code: isUnreadable ? 'invalid_response' : 'unavailable', detail: text };
}
