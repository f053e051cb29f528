import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Json, JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { hideSecrets } from '../hide-secrets.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { quoteLine } from '../quote-line.ts';
import { createConnectionHeaders, listSecrets, parseHeaders, type RequestHeaders } from '../requests/request-headers.ts';
import { resolveUrl } from '../requests/resolve-url.ts';
import { sendRequest, type HttpAnswer } from '../requests/send-request.ts';

const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** What is sent, without the connection's credentials. */
interface RequestData {
  readonly [key: string]: Json;
  readonly method: string;
  readonly path: string;
  readonly query: JsonObject;
  readonly headers: RequestHeaders;
  readonly body: string | null;
  readonly maxBytes: number;
}

/** One HTTP request within the base URL and the `allow` list of its connection. */
export const httpRequest = defineRemediation({
  name: 'http.request',
  summary: "Sends one HTTP request within the connection's base URL and `allow` list, and reads the answer.",
  notes: [
    'Least privilege: give the connection a token that can do just this, and list in `allow` just these requests (`POST /api/v1/evolution/*/stop`; `*` is one path segment, and inside a segment, as in `/logs-*`, letters, digits, `.`, `_` and `-`). Without `allow` nothing may be requested, not even read.',
    'GET and HEAD read: any status is a success, so say what you expect (`expect: output.status == 200`). The other methods change: a status of 400 or more fails the step. A 4xx proves that nothing happened, a 5xx or a lost answer leaves it `unknown`, and a person is asked.',
    'Redirects are not followed, because they would carry the credentials elsewhere: the 3xx is the answer. Changing requests carry an `Idempotency-Key` that stays the same over the attempts of a step.',
    'Values in `path` stay inside their segment: `..`, `//`, encoded slashes, `?` and `#` are refused. A secret of the connection that the server echoes is replaced by `[secret]`, cookies are dropped.',
  ].join('\n\n'),
  connection: 'http',
  params: {
    method: {
      type: 'string',
      default: 'GET',
      enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      description: 'The HTTP method.',
    },
    path: {
      type: 'string',
      required: true,
      description: 'The path below `base_url`, e.g. `/health`. Starts with `/`, has no query.',
    },
    query: {
      type: 'map',
      default: {},
      description: 'Query parameters; names and values are percent-encoded, a list repeats its name.',
    },
    json: { type: 'any', description: 'A body, sent as JSON. Not together with `body`.' },
    body: { type: 'string', description: 'A body, sent as it is; `text/plain` unless `headers` says otherwise.' },
    headers: {
      type: 'map',
      default: {},
      description: 'More headers. Credentials, `Host`, framing and method overrides cannot be set.',
    },
    max_bytes: {
      type: 'bytes',
      default: '1MiB',
      min: 1,
      max: 16 * 2 ** 20,
      description: 'How much of the answer is read; at most 16 MiB.',
    },
  },
  outputs: {
    status: { type: 'int', description: 'The status code, e.g. 200.' },
    ok: { type: 'bool', description: 'Whether the status is 200 to 299.' },
    headers: { type: 'map', description: 'The headers of the answer by lower-case name, without cookies.' },
    body: { type: 'string', description: 'The answer as UTF-8 text, up to `max_bytes`.' },
    json: {
      type: 'any',
      description: 'The answer as data; null when it is not JSON, is truncated, or nests deeper than 64 levels.',
    },
    truncated: { type: 'bool', description: 'Whether the answer was longer than `max_bytes`.' },
    took: { type: 'duration', description: 'From the request to the end of the answer.' },
  },
  example: {
    status: 200,
    ok: true,
    headers: { 'content-type': 'application/json' },
    body: '{"status":"ok"}',
    json: { status: 'ok' },
    truncated: false,
    took: 12,
  },
  effect: (params) => (READING_METHODS.has(params.method ?? 'GET') ? 'read' : 'change'),
  inDoubt: 'ask',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const { method, path, query } = params;
    const url = resolveUrl(connection, method, path, query);
    const body = chooseBody(method, params.json, params.body);
    const headers = { ...body?.headers, ...parseHeaders(params.headers, connection) };
    const data: RequestData = { method, path, query, headers, body: body?.text ?? null, maxBytes: params.max_bytes };
    return Promise.resolve({
      summary: `${method} ${url.href}`,
      identity: { method, url: url.href, headers, body_digest: digest([data.body]) },
      touches: READING_METHODS.has(method) ? [] : [`http:${connection.name}`],
      data,
    });
  },

  async run(plan, context) {
    const { connection, clock, signal } = context;
    const { method, path, query, headers, body, maxBytes } = plan.data;
    // Resolved again: the connection may allow less than it did when the plan was made.
    const url = resolveUrl(connection, method, path, query);
    const isChange = !READING_METHODS.has(method);
    const secretHeaders = Object.entries(createConnectionHeaders(connection)).map(
      ([name, value]) => [name, value.reveal()] as const,
    );
    const allHeaders: RequestHeaders = {
      'user-agent': 'remedyd',
      accept: '*/*',
      ...headers,
      'accept-encoding': 'identity',
      ...(isChange ? { 'idempotency-key': createIdempotencyKey(context, method, url, body) } : {}),
      ...Object.fromEntries(secretHeaders),
    };
    const startedAt = clock.monotonic();
    const answer = await sendRequest({ method, url, headers: allHeaders, body: body ?? undefined, maxBytes, isChange }, signal);
    const output = createOutput(
      answer,
      (text) => hideSecrets(text, listSecrets(connection)),
      Math.round(clock.monotonic() - startedAt),
    );
    if (isChange && answer.status >= 400)
      throw createRefusal(`${method} ${url.origin}${url.pathname}`, answer.status, output.body);
    return output;
  },
});

function chooseBody(
  method: string,
  json: Json | undefined,
  text: string | undefined,
): { text: string; headers: RequestHeaders } | undefined {
  const refuse = (message: string): never => {
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  };
  if (json === undefined && text === undefined) return undefined;
  if (READING_METHODS.has(method))
    return refuse(`a ${method} request has no body: leave out \`json\` and \`body\`, or use \`query\``);
  if (json !== undefined && text !== undefined) return refuse('give either `json` or `body`, not both');
  return text === undefined
    ? { text: JSON.stringify(json), headers: { 'content-type': 'application/json' } }
    : { text, headers: { 'content-type': 'text/plain; charset=utf-8' } };
}

function createOutput(answer: HttpAnswer, clean: (text: string) => string, took: number) {
  const body = clean(answer.bytes.toString('utf8'));
  return {
    status: answer.status,
    ok: answer.status >= 200 && answer.status < 300,
    headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, clean(value)])),
    body,
    json: answer.isTruncated ? null : parseJsonOutput(body),
    truncated: answer.isTruncated,
    took,
  };
}

/** A client error proves that the server refused; behind a server error the change may have been made. */
function createRefusal(what: string, status: number, body: string): StepError {
  const text = [`${what} was answered ${status} ${STATUS_CODES[status] ?? ''}`.trim(), quoteLine(body)]
    .filter((part) => part !== '')
    .join(': ');
  const code = status === 401 || status === 403 ? 'permission_denied' : 'rejected';
  return new StepError(code, text, { happened: status < 500 ? 'nothing' : 'unknown' });
}

/** The same for each attempt of a step, another for each item of a `for_each`. */
function createIdempotencyKey(context: StepContext<'http'>, method: string, url: URL, body: string | null): string {
  return digest([context.runId, context.stepId, method, url.href, body]);
}

function digest(value: Json): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
