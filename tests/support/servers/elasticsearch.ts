import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An index that the server holds. */
export interface StoredIndex {
  readonly uuid: string;
  readonly createdAt: number;
  readonly bytes: number;
  readonly documents: number;
  readonly isClosed: boolean;
  readonly dataStream?: string;
  readonly aliases: Readonly<Record<string, { readonly is_write_index?: boolean }>>;
}

/** What the user of the tests may do: privileges of the cluster, and of every index. */
export interface Privileges {
  readonly cluster: readonly string[];
  readonly index: readonly string[];
}

export interface TestElasticsearch extends AsyncDisposable {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly indices: Map<string, StoredIndex>;
  /** `METHOD /path` of every request that was let in. */
  readonly requests: string[];
  privileges: Privileges;
  /** Called before each deletion is made. */
  beforeDelete: (name: string) => void;
  /** Whether deletions are acknowledged. */
  acknowledges: boolean;
  put(name: string, more?: Partial<StoredIndex>): void;
}

const ALL: Privileges = { cluster: ['monitor'], index: ['monitor', 'view_index_metadata', 'delete_index'] };

/**
 * A server that answers as the REST API of Elasticsearch 8 is documented to, with `action.destructive_requires_name` at its
 * default of true: cat indices, cat aliases, get index and delete index, with its forms of errors. Not Elasticsearch itself.
 */
export async function startElasticsearch(): Promise<TestElasticsearch> {
  const indices = new Map<string, StoredIndex>();
  const requests: string[] = [];
  const [user, password] = ['remedyd', randomUUID()];
  const credentials = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://elasticsearch');
    const path = decodeURIComponent(url.pathname);
    if (request.headers.authorization !== credentials) {
      const what = `unable to authenticate user for REST request [${path}]`;
      return sendError(response, 401, 'security_exception', what);
    }
    requests.push(`${request.method ?? ''} ${path}`);
    const cat = /^\/_cat\/indices\/([^/]+)$/.exec(path);
    if (request.method === 'GET' && cat !== null) return catIndices(response, cat[1] ?? '', url);
    if (request.method === 'GET' && path === '/_cat/aliases') return catAliases(response);
    const name = /^\/([^/_][^/]*)$/.exec(path)?.[1];
    if (request.method === 'GET' && name !== undefined) return getIndex(response, name);
    if (request.method === 'DELETE' && /^\/[^/]+$/.test(path)) return remove(response, path.slice(1));
    const message = `no handler found for uri [${request.url ?? ''}] and method [${request.method ?? ''}]`;
    return send(response, 400, { error: message });
  });

  const may = (response: ServerResponse, action: string, kind: keyof Privileges, needed: string, on: string): boolean => {
    if (handle.privileges[kind].includes(needed)) return true;
    const where = kind === 'index' ? ` on indices [${on}]` : '';
    const granted = `this action is granted by the ${kind} privileges [${needed},manage,all]`;
    const reason = `action [${action}] is unauthorized for user [${user}] with effective roles [remedyd]${where}, ${granted}`;
    sendError(response, 403, 'security_exception', reason);
    return false;
  };

  const resolve = (expression: string): readonly (readonly [string, StoredIndex])[] => {
    const parts = expression.split('*').map((part) => part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`^${parts.join('.*')}$`);
    // Backing indices of data streams come with the name of their stream.
    return [...indices].filter(
      ([name, index]) => pattern.test(name) || (index.dataStream !== undefined && pattern.test(index.dataStream)),
    );
  };

  function catIndices(response: ServerResponse, expression: string, url: URL): void {
    if (!may(response, 'cluster:monitor/state', 'cluster', 'monitor', '')) return;
    if (!may(response, 'indices:monitor/stats', 'index', 'monitor', expression)) return;
    const found = resolve(expression);
    if (found.length === 0 && !expression.includes('*')) return sendMissing(response, expression);
    if (url.searchParams.get('format') !== 'json' || url.searchParams.get('bytes') !== 'b') {
      return void response.end(found.map(([name]) => `green open ${name} 1mb`).join('\n'));
    }
    const withClosed = url.searchParams.get('expand_wildcards')?.includes('closed') ?? false;
    const columns = (url.searchParams.get('h') ?? '').split(',');
    const rows = found
      .filter(([, index]) => withClosed || !index.isClosed)
      .map(([name, index]) => {
        const all: Record<string, string | null> = {
          index: name,
          uuid: index.uuid,
          'creation.date': String(index.createdAt),
          'store.size': index.isClosed ? null : String(index.bytes),
          'docs.count': index.isClosed ? null : String(index.documents),
        };
        return Object.fromEntries(columns.map((column) => [column, all[column] ?? null]));
      });
    send(response, 200, rows);
  }

  function catAliases(response: ServerResponse): void {
    if (!may(response, 'indices:admin/aliases/get', 'index', 'view_index_metadata', '*')) return;
    const rows = [...indices].flatMap(([index, { aliases }]) =>
      Object.entries(aliases).map(([alias, options]) => ({
        alias,
        index,
        is_write_index: options.is_write_index === undefined ? '-' : String(options.is_write_index),
      })),
    );
    send(response, 200, rows);
  }

  function getIndex(response: ServerResponse, name: string): void {
    if (!may(response, 'indices:admin/get', 'index', 'view_index_metadata', name)) return;
    const index = indices.get(name);
    if (index === undefined) return sendMissing(response, name);
    const settings = {
      index: { creation_date: String(index.createdAt), uuid: index.uuid, provided_name: name, number_of_shards: '1' },
    };
    const stream = index.dataStream === undefined ? {} : { data_stream: index.dataStream };
    send(response, 200, { [name]: { aliases: index.aliases, mappings: {}, settings, ...stream } });
  }

  function remove(response: ServerResponse, name: string): void {
    if (!may(response, 'indices:admin/delete', 'index', 'delete_index', name)) return;
    if (name === '_all' || name.includes('*')) {
      return sendError(response, 400, 'illegal_argument_exception', 'Wildcard expressions or all indices are not allowed');
    }
    handle.beforeDelete(name);
    const index = indices.get(name);
    if (index === undefined) {
      const isAlias = [...indices.values()].some(({ aliases }) => Object.hasOwn(aliases, name));
      if (!isAlias) return sendMissing(response, name);
      const reason = `The provided expression [${name}] matches an alias, specify the corresponding concrete indices instead.`;
      return sendError(response, 400, 'illegal_argument_exception', reason);
    }
    indices.delete(name);
    send(response, 200, { acknowledged: handle.acknowledges });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const handle: TestElasticsearch = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    user,
    password,
    indices,
    requests,
    privileges: ALL,
    beforeDelete: () => undefined,
    acknowledges: true,
    put: (name, more = {}) => {
      const index = {
        uuid: randomUUID(),
        createdAt: Date.now(),
        bytes: 100,
        documents: 1,
        isClosed: false,
        aliases: {},
        ...more,
      };
      indices.set(name, index);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return handle;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendMissing(response: ServerResponse, name: string): void {
  const where = { 'resource.type': 'index_or_alias', 'resource.id': name, index_uuid: '_na_', index: name };
  sendError(response, 404, 'index_not_found_exception', `no such index [${name}]`, where);
}

function sendError(response: ServerResponse, status: number, type: string, reason: string, more: object = {}): void {
  const error = { type, reason, ...more };
  send(response, status, { error: { root_cause: [error], ...error }, status });
}
