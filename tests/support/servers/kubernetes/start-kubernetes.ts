import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createTemporaryDirectory } from '../temporary-directory.ts';
import { authorize, type AccessRule } from './access-rules.ts';
import { API_KINDS, discover, type ApiKind } from './api-kinds.ts';
import type { ApiObject, NewObject } from './api-object.ts';
import { parsePath, type ApiPath } from './api-path.ts';
import { ApiStatus } from './api-status.ts';
import { Controllers } from './controllers.ts';
import { answerExec, type ExecOutcome } from './exec-socket.ts';
import { handleObject, type ApiRequest } from './handle-object.ts';
import { readLog, type PodLogs } from './pod-log.ts';
import { kindNamed, ObjectStore } from './object-store.ts';
import { matchesFields, matchesLabels } from './selectors.ts';

const TLS = join(import.meta.dirname, '../../../fixtures/tls');

/** `hang`: the request is never answered. `lose`: it is done, but its answer is lost. A number: the server fails with it. */
export type Fault = 'hang' | 'lose' | number;

export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly argv: readonly string[];
}

/** An API server that speaks the protocol over TLS, with a small controller manager behind it. */
export interface TestKubernetes {
  readonly url: string;
  readonly controllers: Controllers;
  /** The lines of containers by `namespace/pod/container`, and with `/previous` behind it. */
  readonly logs: PodLogs;
  /** The requests since the start, as RBAC sees them: `patch deployments/api`. */
  readonly requests: string[];
  /** Decides about each request, by the same words. */
  fault: (request: string) => Fault | undefined;
  /** Stands for the programs in containers. */
  exec: (request: ExecRequest) => ExecOutcome | Promise<ExecOutcome>;
  /** Whether metrics-server is installed. */
  hasMetrics: boolean;
  create(kind: string, namespace: string | undefined, object: NewObject): ApiObject;
  get(kind: string, namespace: string | undefined, name: string): ApiObject;
  list(kind: string, namespace: string): readonly ApiObject[];
  /** Changes parts of an object, as somebody else would. */
  set(kind: string, namespace: string | undefined, name: string, parts: Readonly<Record<string, unknown>>): ApiObject;
  /** As `set`, and the controllers do not touch anything from then on until the next change. */
  freeze(kind: string, namespace: string | undefined, name: string, parts: Readonly<Record<string, unknown>>): void;
  /** Puts another object in the place of one of that name, if there is one. */
  replace(kind: string, namespace: string | undefined, object: NewObject): void;
  /** Resolves when a program was started in a container whose end is never told. */
  nextExecOpen(): Promise<unknown>;
  /** Deletes an object, as somebody else would. */
  remove(kind: string, namespace: string | undefined, name: string): void;
  /** Makes an account with exactly these rights; returns the path of its kubeconfig, whose context is `test`. */
  createAccount(name: string, rules: readonly AccessRule[]): string;
  stop(): Promise<void>;
}

export async function startKubernetes(): Promise<TestKubernetes> {
  const directory = createTemporaryDirectory('kubernetes');
  const accounts = new Map<string, { readonly name: string; readonly rules: readonly AccessRule[] }>();
  const store = new ObjectStore();
  const controllers = new Controllers(store);
  const sockets = new Set<Socket>();
  const server = createServer({
    cert: readFileSync(join(TLS, 'server.pem')),
    key: readFileSync(join(TLS, 'server-key.pem')),
  });
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the API server has no port');

  const execOpen = Promise.withResolvers<undefined>();
  const cluster: TestKubernetes = {
    url: `https://127.0.0.1:${address.port}`,
    controllers,
    logs: new Map(),
    requests: [],
    fault: () => undefined,
    exec: () => ({ exit: 'missing' }),
    hasMetrics: true,
    create: (kind, namespace, object) => {
      const created = store.create(kindNamed(kind), namespace, object);
      if (created.apiVersion === 'apps/v1') controllers.reconcile();
      return created;
    },
    get: (kind, namespace, name) => store.get(kindNamed(kind), namespace, name),
    list: (kind, namespace) => store.list(kindNamed(kind), namespace),
    set: (kind, namespace, name, parts) => {
      const changed = store.setParts(kindNamed(kind), namespace, name, parts);
      controllers.reconcile();
      return changed;
    },
    freeze: (kind, namespace, name, parts) => {
      store.setParts(kindNamed(kind), namespace, name, parts);
    },
    replace: (kind, namespace, object) => {
      if (store.find(kindNamed(kind), namespace, object.metadata.name) !== undefined) {
        store.remove(kindNamed(kind), namespace, object.metadata.name);
      }
      store.create(kindNamed(kind), namespace, object);
    },
    nextExecOpen: () => execOpen.promise,
    remove: (kind, namespace, name) => {
      store.remove(kindNamed(kind), namespace, name);
      controllers.reconcile();
    },
    createAccount: (name, rules) => {
      const token = `token-of-${name}`;
      accounts.set(token, { name, rules });
      const path = join(directory.path, `${name}.json`);
      writeFileSync(path, JSON.stringify(kubeconfig(cluster.url, name, token)));
      return path;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      directory.remove();
    },
  };

  const authenticate = (request: IncomingMessage) => {
    const account = accounts.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (account === undefined) throw new ApiStatus(401, 'Unauthorized', 'Unauthorized');
    return account;
  };
  const served = (): readonly ApiKind[] => API_KINDS.filter(({ group }) => cluster.hasMetrics || group !== 'metrics.k8s.io');

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', cluster.url);
    const account = authenticate(request);
    const discovery = discover(url.pathname, served());
    if (discovery !== undefined) {
      sendJson(response, 200, discovery);
      return;
    }
    const path = parsePath(url.pathname, served());
    // As the real one does: a path that nobody serves is no object that is missing.
    if (path === undefined) {
      sendPlain(response, 404, '404 page not found\n');
      return;
    }
    const verb = verbOf(request.method ?? '', path, url);
    const words = describe(verb, path);
    cluster.requests.push(words);
    const fault = cluster.fault(words);
    if (fault === 'hang') return;
    if (typeof fault === 'number') throw new ApiStatus(fault, 'InternalError', 'etcdserver: request timed out');
    authorize(`system:serviceaccount:remedyd:${account.name}`, account.rules, verb, path);
    if (verb === 'watch') {
      watch(store, path, url.searchParams, response);
      return;
    }
    const body = await text(request);
    const type = (request.headers['content-type'] ?? '').split(';')[0] ?? '';
    const call: ApiRequest = { verb, path, query: url.searchParams, type, body };
    const outcome = path.subresource === 'log' ? readLog(store, cluster.logs, call) : handleObject(store, call);
    if (verb !== 'get' && verb !== 'list') controllers.reconcile();
    if (fault === 'lose') request.socket.destroy();
    else if (typeof outcome === 'string') sendPlain(response, 200, outcome);
    else sendJson(response, 200, outcome);
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex): Promise<void> => {
    const url = new URL(request.url ?? '/', cluster.url);
    const account = authenticate(request);
    const path = parsePath(url.pathname, served());
    if (path?.subresource !== 'exec') throw new ApiStatus(404, 'NotFound', 'the server could not find the requested resource');
    cluster.requests.push(describe('get', path));
    const fault = cluster.fault(describe('get', path));
    if (fault === 'hang') return;
    if (typeof fault === 'number') throw new ApiStatus(fault, 'InternalError', 'etcdserver: request timed out');
    const user = `system:serviceaccount:remedyd:${account.name}`;
    authorize(user, account.rules, 'get', path);
    // Since 1.35: https://www.kubernetes.dev/resources/keps/4006/
    authorize(user, account.rules, 'create', path);
    const pod = store.get(kindNamed('Pod'), path.namespace, path.name ?? '');
    const argv = url.searchParams.getAll('command');
    const { namespace = '', name } = pod.metadata;
    const outcome = await cluster.exec({ namespace, pod: name, container: url.searchParams.get('container') ?? '', argv });
    answerExec(request, socket, argv, outcome);
    if (outcome.exit === 'never') socket.once('data', () => execOpen.resolve(undefined));
  };

  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const status =
        error instanceof ApiStatus ? error : new ApiStatus(500, 'InternalError', `the test server failed: ${String(error)}`);
      sendJson(response, status.code, status.toBody());
    });
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => undefined);
    upgrade(request, socket).catch((error: unknown) => {
      const status =
        error instanceof ApiStatus ? error : new ApiStatus(500, 'InternalError', `the test server failed: ${String(error)}`);
      const body = JSON.stringify(status.toBody());
      const head = [`HTTP/1.1 ${status.code} ${status.reason}`, 'Content-Type: application/json', 'Connection: close'];
      socket.end([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
    });
  });
  return cluster;
}

function verbOf(method: string, { name }: ApiPath, url: URL): string {
  if (method === 'GET' && url.searchParams.get('watch') === 'true') return 'watch';
  const verbs: Readonly<Record<string, string>> = {
    GET: name === undefined ? 'list' : 'get',
    PUT: 'update',
    PATCH: 'patch',
    POST: 'create',
    DELETE: 'delete',
  };
  return verbs[method] ?? method.toLowerCase();
}

function describe(verb: string, { kind, name, subresource }: ApiPath): string {
  const resource = subresource === undefined ? kind.resource : `${kind.resource}/${subresource}`;
  return `${verb} ${resource}${name === undefined ? '' : ` ${name}`}`;
}

function watch(store: ObjectStore, path: ApiPath, query: URLSearchParams, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const stop = store.watch((type, object) => {
    const isMeant =
      object.kind === path.kind.kind &&
      (path.namespace === undefined || object.metadata.namespace === path.namespace) &&
      matchesFields(query.get('fieldSelector') ?? '', object) &&
      matchesLabels(query.get('labelSelector') ?? '', object.metadata.labels);
    if (isMeant) response.write(`${JSON.stringify({ type, object })}\n`);
  });
  response.on('close', stop);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendPlain(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
}

function kubeconfig(server: string, user: string, token: string): object {
  const other = { name: 'other', context: { cluster: 'nowhere', user } };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': join(TLS, 'ca.pem') } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user, namespace: 'core' } }, other],
    'current-context': 'test',
  };
}
