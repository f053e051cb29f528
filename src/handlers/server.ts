import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from 'express';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Settings, TlsSettings } from '../domain/settings.ts';
import { StoreUnavailableError } from '../domain/store.ts';
import type { Command } from '../pipeline/event.ts';
import { OverloadedError } from '../pipeline/pipeline.ts';
import { AlertmanagerWebhook } from './alertmanager-webhook.ts';
import { createHostCheck } from './allowed-hosts.ts';
import { ApiError } from './api-error.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';
import { apiRoutes } from './api-routes.ts';
import { createApiAuthenticator, describeMissingRole, type ApiAuthenticator } from './authenticate-api.ts';
import { createWebhookAuthenticator } from './authenticate-webhook.ts';
import { BodyBudget } from './body-budget.ts';
import type { PagerDutyWebhook } from './pagerduty-webhook.ts';
import { mountProbes, type ProbeDeps } from './probes.ts';
import { refusedAct } from './refused-act.ts';
import type { SlackWebhook } from './slack/slack-webhook.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle times of Go's and nginx's clients, so that they end a connection first. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const MAX_CONNECTIONS = 10_000;
/** How many connections may wait to be taken: a storm of senders comes at once. */
const BACKLOG = 4_096;
/** Over all webhooks that are being read or written, decompressed. */
const MAX_BODY_BYTES_IN_FLIGHT = 256 * 1_048_576;
const MAX_API_BYTES = '1mb';
/** How long a stop waits for what is under way. */
const DRAIN_MS = 5_000;

export interface ServerDeps extends Omit<ApiDeps, 'lastWebhookAt'> {
  readonly settings: Pick<Settings, 'listen' | 'externalUrl' | 'auth' | 'limits'>;
  /** As they are at this moment: a reload changes them. */
  readonly roles: () => Settings['roles'];
  readonly metrics: ProbeDeps['metrics'];
  /** What people do in Slack; its requests are known by their signature, so neither token nor Host header matters. */
  readonly slack?: Pick<SlackWebhook, 'isFor' | 'handle'>;
  /** What people do in PagerDuty; its webhooks too are known by their signature. */
  readonly pagerDuty?: Pick<PagerDutyWebhook, 'isFor' | 'handle'>;
  /** Called with the status of every answer to a webhook. */
  readonly onWebhook: (status: number) => void;
  readonly onFault: (message: string, error: unknown) => void;
}

/** The daemon's listener. */
export interface RunningServer {
  /** Where it listens, e.g. `http://127.0.0.1:9099`. */
  readonly url: string;
  /** Takes no new connection, lets what is under way finish, and closes the rest after 5 s. May be called twice. */
  stop(): Promise<void>;
}

/** Listens on the configured address. Throws with one clear line when it cannot. */
export async function startServer(deps: ServerDeps): Promise<RunningServer> {
  const { listen, auth } = deps.settings;
  const { host, port } = listen;
  const server = createServer(deps);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new Error(`cannot listen on ${host}:${port}: ${cause.code ?? cause.message}`, { cause })),
    );
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  const name = host.includes(':') ? `[${host}]` : host;
  let stopping: Promise<void> | undefined;
  return {
    url: `${auth.tls === undefined ? 'http' : 'https'}://${name}:${actualPort}`,
    stop: () => (stopping ??= drain(server, deps)),
  };
}

/** The server, not yet listening. Webhooks do not go through Express: they are the hot path. */
function createServer(deps: ServerDeps): http.Server {
  const { settings, pipeline, clock, slack, pagerDuty, onFault } = deps;
  const webhook = new AlertmanagerWebhook({
    pipeline,
    clock,
    authenticate: createWebhookAuthenticator(settings.auth.webhook),
    limits: {
      maxBytes: settings.limits.bodyBytes,
      // One body of the largest size always fits.
      budget: new BodyBudget(Math.max(MAX_BODY_BYTES_IN_FLIGHT, settings.limits.bodyBytes)),
    },
    onAnswer: deps.onWebhook,
    onFault,
  });
  const app = createApp({ ...deps, lastWebhookAt: () => webhook.lastAcceptedAt });
  const listener: http.RequestListener = (request, response) => {
    if (AlertmanagerWebhook.isFor(request)) void webhook.handle(request, response);
    else if (slack?.isFor(request) === true) void slack.handle(request, response);
    else if (pagerDuty?.isFor(request) === true) void pagerDuty.handle(request, response);
    else app(request, response);
  };
  const options: http.ServerOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  };
  const server =
    settings.auth.tls === undefined
      ? http.createServer(options, listener)
      : https.createServer({ ...options, ...tlsOptions(settings.auth.tls) }, listener);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', answerClientError);
  return server;
}

function tlsOptions({ certFile, keyFile, clientCaFile }: TlsSettings): https.ServerOptions {
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.2',
    // Clients without a certificate are let in: the credential of their request decides.
    ...(clientCaFile === undefined ? {} : { ca: readFileSync(clientCaFile), requestCert: true, rejectUnauthorized: false }),
  };
}

/** Not Node's 408 for a slow client: Alertmanager drops what gets a 4xx, and repeats what was closed. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function createApp(deps: ApiDeps & Pick<ServerDeps, 'settings' | 'roles' | 'metrics' | 'onFault'>): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', false);
  app.use(setSecurityHeaders);
  mountProbes(app, deps);
  app.use(checkHost(createHostCheck(deps.settings)));
  app.get('/', (_request, response) => {
    response.type('text/plain').send('The dashboard is not available in this version; see /api/v1/status\n');
  });
  const authenticate = createApiAuthenticator({ ...deps.settings, roles: deps.roles });
  for (const route of apiRoutes(deps)) mountRoute(app, route, authenticate, deps.pipeline);
  app.use((request) => {
    throw new ApiError(404, 'not_found', `there is no ${request.method} ${request.path}`);
  });
  app.use(answerError(deps.onFault));
  return app;
}

const setSecurityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  next();
};

function checkHost(isAllowed: (header: string | undefined) => boolean): RequestHandler {
  return (request, _response, next) => {
    if (!isAllowed(request.headers.host)) {
      throw new ApiError(
        421,
        'unknown_host',
        'the Host header names another host; set listen or external_url to the name that clients use',
      );
    }
    next();
  };
}

/** The order is the promise: nobody's body is read, and nothing is done, before the caller is known. */
function mountRoute(
  app: Express,
  { method, path, role, handle }: ApiRoute,
  authenticate: ApiAuthenticator,
  pipeline: ApiDeps['pipeline'],
): void {
  app[method](path, async (request, response) => {
    const actor = authenticate(request, role);
    const refusal = describeMissingRole(actor, role);
    if (refusal !== undefined) {
      await recordRefusal(pipeline, refusedAct(actor, path, request.path, refusal));
      throw new ApiError(403, 'forbidden', refusal);
    }
    if ('stream' in handle) {
      handle.stream(request, response);
      return;
    }
    const body = await readJson(request, response);
    const params = Object.fromEntries(Object.entries(request.params).map(([name, value]) => [name, String(value)]));
    const answer = await handle({ params, query: request.query, body, actor });
    response.status(answer.status).json(answer.body);
  });
}

/** What a person tried without the role for it is in the audit log too; where that cannot be written, nothing was done either. */
async function recordRefusal(pipeline: ApiDeps['pipeline'], refused: Command): Promise<void> {
  try {
    await pipeline.apply(refused);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
  }
}

const parseJsonBody = express.json({ limit: MAX_API_BYTES, type: 'application/json' });

/** The body, or `undefined` where there is none. */
async function readJson(request: Request, response: Response): Promise<unknown> {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && request.is('application/json') === false) {
    throw new ApiError(415, 'unsupported_media_type', 'content-type has to be application/json');
  }
  await new Promise<void>((resolve, reject) => {
    parseJsonBody(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('the body cannot be read', { cause: error }));
    });
  });
  return request.body;
}

/** Four parameters make it an error handler. What is not ours to explain is logged and told in one line. */
function answerError(onFault: ServerDeps['onFault']): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, code, message } = explain(error, onFault);
    if (status === 401) response.set('WWW-Authenticate', 'Bearer');
    if (status === 503) response.set('Retry-After', '5');
    response.status(status).json({ error: { code, message } });
  };
}

function explain(error: unknown, onFault: ServerDeps['onFault']): Pick<ApiError, 'status' | 'code' | 'message'> {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreUnavailableError || error instanceof OverloadedError) {
    return { status: 503, code: 'unavailable', message: `${error.message}; come again` };
  }
  const status = clientFault(error);
  if (status !== undefined)
    return { status, code: 'invalid', message: status === 413 ? 'the body is too large' : 'the request cannot be read' };
  onFault('an API call could not be answered', error);
  return { status: 500, code: 'internal_error', message: 'a defect of remedyd; its log says more' };
}

/** The status of what Express and its body parser found wrong with a request. */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  return error.status >= 400 && error.status < 500 ? error.status : undefined;
}

async function drain(server: http.Server, { events, clock }: Pick<ServerDeps, 'events' | 'clock'>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  events.close();
  server.closeIdleConnections();
  using timeout = clock.timeout(DRAIN_MS);
  timeout.signal.addEventListener('abort', () => server.closeAllConnections(), { once: true });
  await closed;
}
