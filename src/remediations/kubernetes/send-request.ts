import { request as requestHttp, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Json } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { createStopError, isStopped } from '../stop-error.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';

/** The API server itself cuts most requests after 60 s; what has not answered by then will not. */
export const REQUEST_TIMEOUT_MS = 30_000;
const MOST_BYTES = 16 * 1024 * 1024;

export interface ApiRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly value: Json };
  /** For messages. */
  readonly what: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** Whether more came than is read: 16 MiB. */
  readonly isCut: boolean;
}

/** Sends one request over a connection of its own. It ends with the step's signal, and after 30 s. Fails with a `StepError`. */
export async function sendRequest(api: KubernetesApi, request: ApiRequest): Promise<ApiAnswer> {
  const progress = { isSent: false };
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = AbortSignal.any([api.signal, limit]);
  try {
    const body = encodeBody(request.body);
    const options = await prepareOptions(api, signal, body.headers);
    const url = new URL(api.server);
    url.pathname = joinPaths(api.server.pathname, request.path);
    url.search = new URLSearchParams(request.query).toString();
    const response = await openResponse(url, { ...options, method: request.method }, body.bytes, () => {
      progress.isSent = true;
    });
    return { status: response.statusCode ?? 0, ...(await readText(response)) };
  } catch (error) {
    const happened = progress.isSent && request.method !== 'GET' ? 'unknown' : 'nothing';
    throw toStepError(error, api.signal, limit, request.what, happened);
  }
}

/** What was thrown while something was asked of the API server, as a `StepError`. */
export function toStepError(
  error: unknown,
  signal: AbortSignal,
  limit: AbortSignal,
  what: string,
  happened: 'nothing' | 'unknown',
): StepError {
  if (error instanceof StepError) return error;
  if (isStopped(signal)) return createStopError(signal, what, happened);
  if (isStopped(limit)) {
    const message = `${what}: the API server did not answer within ${REQUEST_TIMEOUT_MS / 1_000} s`;
    return new StepError('unavailable', message, { happened, cause: error });
  }
  const { code, text } = describeError(error);
  return new StepError(code.startsWith('HPE_') ? 'invalid_response' : 'unavailable', `${what} failed: ${text}`, {
    happened,
    cause: error,
  });
}

/** Options of Node's client whose headers are a mapping. */
export type ApiOptions = Omit<RequestOptions, 'headers'> & { readonly headers: OutgoingHttpHeaders };

/** Credentials, trust and proxy of the connection. A credential plugin of the kubeconfig may hang: it is not waited for then. */
export async function prepareOptions(
  { config }: KubernetesApi,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>>,
): Promise<ApiOptions> {
  const options: ApiOptions = { headers: {} };
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([config.applyToHTTPSOptions(options), stopped]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return { ...options, signal, headers: { accept: 'application/json', ...options.headers, ...headers } };
}

/** The path of the server's URL is a prefix: some gateways put a cluster behind one. */
export function joinPaths(prefix: string, path: string): string {
  return `${prefix.replace(/\/$/, '')}${path}`;
}

function encodeBody(body: ApiRequest['body']): { readonly bytes?: Buffer; readonly headers: Readonly<Record<string, string>> } {
  if (body === undefined) return { headers: {} };
  const bytes = Buffer.from(JSON.stringify(body.value));
  // Node gives the body of a DELETE no length by itself, and then no server knows where it ends.
  return { bytes, headers: { 'content-type': body.type, 'content-length': String(bytes.length) } };
}

function openResponse(url: URL, options: RequestOptions, body: Buffer | undefined, onSent: () => void): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const client = (isTls ? requestHttps : requestHttp)(url, options);
    client.once('socket', (socket) => socket.once(isTls ? 'secureConnect' : 'connect', onSent));
    client.once('response', resolve);
    client.on('error', reject);
    client.once('close', () => reject(new Error('the connection was closed without an answer')));
    client.end(body);
  });
}

/** The text of an answer, at most 16 MiB of it. */
export async function readText(response: IncomingMessage): Promise<Pick<ApiAnswer, 'text' | 'isCut'>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the response and with it the connection.
    if (bytes > MOST_BYTES) break;
  }
  return { text: Buffer.concat(chunks).subarray(0, MOST_BYTES).toString('utf8'), isCut: bytes > MOST_BYTES };
}
