import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { hideSecrets } from '../hide-secrets.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { quoteLine } from '../quote-line.ts';
import { createConnectionHeaders, listSecrets, type Credentials } from './request-headers.ts';
import { sendRequest } from './send-request.ts';

/** How much of an answer is read: one that is longer is refused, because a part of it would be taken for all. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/** One request to the API of a system. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly credentials: Credentials;
  readonly body?: { readonly type: string; readonly text: string };
  /** Whether the request may change something, so that its loss after sending is `unknown`. */
  readonly isChange: boolean;
  /** Statuses of 400 and more that the caller reads itself; the others are failures. */
  readonly reads?: readonly number[];
  /** What the system's own form of an error says; without it the whole answer is quoted. */
  readonly explain?: (json: Json) => string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  /** `null` when it is not JSON. */
  readonly json: Json;
  /** The request, for error messages: `GET http://alertmanager:9093/api/v2/alerts`. */
  readonly what: string;
}

/**
 * Sends one request with the connection's credentials and reads the whole answer, without the secrets that it echoes.
 * Any status but 2xx and those in `reads` is a failure: `permission_denied` (401, 403), `not_found`, `unavailable`
 * (429, 502 to 504) or `rejected`. A 4xx proves that nothing happened.
 */
export async function callApi(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  const { method, url, credentials, body, isChange, reads = [], explain } = request;
  const what = `${method} ${url.origin}${url.pathname}`;
  const ownHeaders = Object.entries(createConnectionHeaders(credentials)).map(([name, value]) => [name, value.reveal()] as const);
  const headers = {
    'user-agent': 'remedyd',
    accept: 'application/json',
    'accept-encoding': 'identity',
    ...(body === undefined ? {} : { 'content-type': body.type }),
    ...Object.fromEntries(ownHeaders),
  };
  const sent = { method, url, headers, body: body?.text, maxBytes: MAX_ANSWER_BYTES, isChange };
  const answer = await sendRequest(sent, signal);
  const { status, bytes, isTruncated } = answer;
  const happened = isChange && (status < 400 || status >= 500) ? 'unknown' : 'nothing';
  if (isTruncated) {
    const message = `${what} was answered with more than ${MAX_ANSWER_BYTES / 2 ** 20} MiB: ask for less`;
    throw new StepError('invalid_response', message, { happened });
  }
  const text = hideSecrets(bytes.toString('utf8'), listSecrets(credentials));
  const json = parseJsonOutput(text);
  if ((status < 200 || status >= 300) && !reads.includes(status)) {
    const line = [`${what} was answered ${status} ${STATUS_CODES[status] ?? ''}`.trim(), quoteLine(explain?.(json) ?? text)];
    throw new StepError(codeOf(status), line.filter((part) => part !== '').join(': '), { happened });
  }
  return { status, json, what };
}

/** What is needed of an answer; `invalid_response` when it does not fit. */
export function parseAnswer<T>(schema: z.ZodType<T>, { json, what }: ApiAnswer, happened: 'nothing' | 'unknown' = 'nothing'): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const fault = parsed.error.issues[0];
  const place = fault === undefined || fault.path.length === 0 ? 'the answer' : fault.path.join('.');
  throw new StepError('invalid_response', `the answer to ${what} does not fit: ${place}: ${fault?.message ?? 'unreadable'}`, {
    happened,
  });
}

function codeOf(status: number): StepErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'permission_denied';
    case 404:
      return 'not_found';
    case 429:
    case 502:
    case 503:
    case 504:
      return 'unavailable';
    default:
      return 'rejected';
  }
}
