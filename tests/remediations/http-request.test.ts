import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { createGzip, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { HttpConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { httpRequest } from '../../src/remediations/http/http-request.ts';
import { createStepContext } from '../support/step-context.ts';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const TOKEN = 'canary-token-8d1f';
const ANYTHING = ['GET', 'HEAD', 'POST', 'DELETE'].flatMap((method) => [
  `${method} /*`,
  `${method} /*/`,
  `${method} /*/*`,
  `${method} /*/*/*`,
]);

const servers: (Server | TcpServer)[] = [];
let received: Received[];
let answer: RequestListener;
let origin: string;

beforeEach(async () => {
  received = [];
  answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      answer(request, response);
    });
  });
  origin = await listen(server);
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

function connect(overrides: Partial<HttpConnection> = {}): HttpConnection {
  return { kind: 'http', name: 'api', baseUrl: origin, headers: {}, allow: ANYTHING, ...overrides };
}

async function request(given: JsonObject, connection = connect(), overrides: Partial<StepContext> = {}) {
  const context = createStepContext(connection, overrides);
  const params = parseParameters(httpRequest.params, given, (pattern, text) => new RegExp(`^(?:${pattern})$`).test(text));
  return httpRequest.run(await httpRequest.plan(params, context), context);
}

describe('an answer', () => {
  test('is parsed, with its status, headers and time', async () => {
    const output = await request({ path: '/health' });
    expect(output).toMatchObject({ status: 200, ok: true, json: { status: 'ok' }, body: '{"status":"ok"}', truncated: false });
    expect(output.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(output.took).toEqual(expect.any(Number));
  });

  test('of 503 to a GET is an output, not a failure', async () => {
    answer = (_request, response) => response.writeHead(503).end('starting');
    expect(await request({ path: '/health' })).toMatchObject({ status: 503, ok: false, json: null, body: 'starting' });
  });

  test('that is not JSON, or nests too deeply, has null as json', async () => {
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"half":');
    expect(await request({ path: '/health' })).toMatchObject({ json: null });
    answer = (_request, response) => response.end('['.repeat(100_000) + ']'.repeat(100_000));
    expect(await request({ path: '/health' })).toMatchObject({ json: null });
  });

  test('to HEAD has no body', async () => {
    answer = (_request, response) => response.setHeader('content-encoding', 'gzip').end();
    expect(await request({ method: 'HEAD', path: '/health' })).toMatchObject({ status: 200, body: '', json: null });
  });

  test('that redirects is not followed', async () => {
    answer = (_request, response) => response.writeHead(302, { location: `${origin}/admin/secret` }).end();
    expect(await request({ path: '/health' })).toMatchObject({ status: 302, ok: false });
    expect(received.map(({ url }) => url)).toEqual(['/health']);
  });

  test('without an end is read up to max_bytes', async () => {
    answer = (_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        response.once('drain', write);
      };
      write();
    };
    const output = await request({ path: '/huge', max_bytes: '10KiB' });
    expect(output).toMatchObject({ truncated: true, json: null, body: 'x'.repeat(10_240) });
  });

  test('that is a gzip bomb is unpacked up to max_bytes', async () => {
    answer = (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      const bomb = createGzip();
      bomb.pipe(response);
      response.on('close', () => bomb.destroy());
      const write = (): void => {
        while (!bomb.destroyed && bomb.write(Buffer.alloc(1 << 20)));
        bomb.once('drain', write);
      };
      write();
    };
    expect(await request({ path: '/bomb' })).toMatchObject({ truncated: true, body: '\0'.repeat(1 << 20) });
  });

  test('compressed although identity was asked is unpacked', async () => {
    answer = (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}'));
    expect(await request({ path: '/zip' })).toMatchObject({ json: { a: 1 } });
    expect(received[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('with broken compression is invalid_response', async () => {
    answer = (_request, response) => response.setHeader('content-encoding', 'gzip').end('not gzip');
    await expect(request({ path: '/zip' })).rejects.toMatchObject({ code: 'invalid_response', happened: 'nothing' });
    answer = (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('cut off').subarray(0, 15));
    await expect(request({ path: '/zip' })).rejects.toMatchObject({ code: 'invalid_response', happened: 'nothing' });
  });

  test('may name no prototype', async () => {
    answer = (_request, response) => response.setHeader('__proto__', 'x').end('{"__proto__":{"polluted":true}}');
    const output = await request({ path: '/health' });
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Object.hasOwn(output, 'polluted')).toBe(false);
  });
});

describe('secrets', () => {
  test('are sent, and hidden when the server echoes them', async () => {
    answer = (incoming, response) =>
      response
        .setHeader('x-echo', incoming.headers.authorization ?? '')
        .setHeader('set-cookie', 'session=1')
        .end(JSON.stringify(incoming.headers));
    const connection = connect({ bearerToken: new Secret(TOKEN), headers: { 'X-Api-Key': new Secret('canary-key-77aa') } });
    const output = await request({ path: '/echo' }, connection);
    expect(received[0]?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'x-api-key': 'canary-key-77aa' });
    expect(JSON.stringify(output)).not.toMatch(/canary|session=1/);
    expect(output.json).toMatchObject({ authorization: 'Bearer [secret]', 'x-api-key': '[secret]' });
  });

  test('are in no plan and no error', async () => {
    answer = (incoming, response) => response.writeHead(400).end(`bad credentials ${incoming.headers.authorization}`);
    const connection = connect({ basicAuth: { username: 'u', password: new Secret(TOKEN) } });
    const error: unknown = await request({ method: 'POST', path: '/echo' }, connection).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'rejected', message: expect.stringContaining('bad credentials Basic [secret]') });
    const params = parseParameters(httpRequest.params, { path: '/echo' }, () => true);
    expect(JSON.stringify(await httpRequest.plan(params, createStepContext(connection)))).not.toContain(TOKEN);
  });

  test.each([
    'Authorization',
    'host',
    'Content-Length',
    'transfer-encoding',
    'Cookie',
    'X-HTTP-Method-Override',
    'x-rewrite-url',
    'X-Api-Key',
  ])('and the frame of the message cannot be overridden: %s', async (name) => {
    const connection = connect({ headers: { 'x-api-key': new Secret('k') } });
    await expect(request({ path: '/health', headers: { [name]: 'x' } }, connection)).rejects.toMatchObject({
      code: 'invalid_value',
    });
    expect(received).toEqual([]);
  });

  test.each([
    { 'x-a': 'b\r\nx-c: d' },
    { 'x-a\r\nx-c': 'd' },
    { 'x-a': 'b\0' },
    { '': 'x' },
    { 'x-a': { b: 1 } },
    { 'x-a': '☃' },
  ])('a header that is not one is refused: %j', async (headers) => {
    await expect(request({ path: '/health', headers })).rejects.toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    expect(received).toEqual([]);
  });
});

describe('a change', () => {
  test('sends its JSON body and the same idempotency key on each attempt', async () => {
    const given = { method: 'POST', path: '/economy/allocate', json: { agent: 'a"\n', tokens: 5000 } };
    await request(given, connect(), { attempt: 1 });
    await request(given, connect(), { attempt: 2 });
    await request({ ...given, json: { agent: 'b' } });
    await request(given, connect(), { runId: 'run-2' });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(given.json);
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    const keys = received.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  test('touches its connection, a reading request touches nothing', async () => {
    const plan = (given: JsonObject) =>
      httpRequest.plan(
        parseParameters(httpRequest.params, given, () => true),
        createStepContext(connect()),
      );
    expect(await plan({ method: 'DELETE', path: '/jobs/1' })).toMatchObject({
      touches: ['http:api'],
      summary: `DELETE ${origin}/jobs/1`,
    });
    expect(await plan({ path: '/jobs/1' })).toMatchObject({ touches: [] });
    expect(httpRequest.effect({ method: 'DELETE' })).toBe('change');
    expect(httpRequest.effect({ method: 'HEAD' })).toBe('read');
    expect(httpRequest.effect({})).toBe('read');
    expect(received).toEqual([]);
  });

  test.each([
    [401, 'permission_denied', 'nothing'],
    [403, 'permission_denied', 'nothing'],
    [404, 'rejected', 'nothing'],
    [429, 'rejected', 'nothing'],
    [500, 'rejected', 'unknown'],
    [503, 'rejected', 'unknown'],
  ] as const)('answered %i is %s, and %s is certain', async (status, code, happened) => {
    answer = (_request, response) => response.writeHead(status).end('no\nway');
    const failure = request({ method: 'POST', path: '/jobs' });
    await expect(failure).rejects.toMatchObject({
      code,
      happened,
      message: expect.stringMatching(`${status}.*no way`),
    });
  });

  test('whose connection is reset after sending is unknown; a read is not', async () => {
    answer = (incoming) => incoming.socket.resetAndDestroy();
    await expect(request({ method: 'POST', path: '/jobs' })).rejects.toMatchObject({ code: 'unavailable', happened: 'unknown' });
    await expect(request({ path: '/jobs' })).rejects.toMatchObject({ code: 'unavailable', happened: 'nothing' });
  });

  test('whose answer breaks off is unknown', async () => {
    answer = (incoming, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half', () => incoming.socket.resetAndDestroy());
    };
    await expect(request({ method: 'POST', path: '/jobs' })).rejects.toMatchObject({ happened: 'unknown' });
  });

  test('that cannot connect has done nothing', async () => {
    const closed = createTcpServer();
    const baseUrl = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const failure = request({ method: 'POST', path: '/jobs' }, connect({ baseUrl }));
    await expect(failure).rejects.toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('that meets no TLS server has done nothing', async () => {
    const failure = request({ method: 'POST', path: '/jobs' }, connect({ baseUrl: origin.replace('http:', 'https:') }));
    await expect(failure).rejects.toMatchObject({ code: 'unavailable', happened: 'nothing' });
    expect(received).toEqual([]);
  });

  test('whose server speaks no HTTP is invalid_response', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    const baseUrl = await listen(server);
    await expect(request({ method: 'POST', path: '/jobs' }, connect({ baseUrl }))).rejects.toMatchObject({
      code: 'invalid_response',
      happened: 'unknown',
    });
  });

  test.each([
    [{ method: 'POST', json: {}, body: 'x' }, 'both'],
    [{ method: 'GET', json: {} }, 'GET'],
    [{ method: 'HEAD', body: 'x' }, 'HEAD'],
  ])('with a body that cannot be is refused: %j', async (given, message) => {
    await expect(request({ ...given, path: '/jobs' })).rejects.toMatchObject({
      code: 'invalid_value',
      message: expect.stringContaining(message),
    });
  });
});

describe('a server that does not answer', () => {
  test.each([
    ['GET', new DOMException('late', 'TimeoutError'), 'timeout', 'nothing'],
    ['POST', new DOMException('late', 'TimeoutError'), 'timeout', 'unknown'],
    ['POST', new Error('cancelled'), 'aborted', 'unknown'],
  ] as const)('ends a %s at the abort, and the connection is closed', async (method, reason, code, happened) => {
    const controller = new AbortController();
    const closed = new Promise((resolve) => {
      answer = (incoming) => {
        incoming.socket.once('close', resolve);
        controller.abort(reason);
      };
    });
    await expect(request({ method, path: '/slow' }, connect(), { signal: controller.signal })).rejects.toMatchObject({
      code,
      happened,
    });
    await closed;
  });

  test('to the end is stopped in the middle of the body', async () => {
    const controller = new AbortController();
    answer = (_request, response) => {
      response.write('first', () => controller.abort(new DOMException('late', 'TimeoutError')));
    };
    await expect(request({ path: '/drip' }, connect(), { signal: controller.signal })).rejects.toMatchObject({ code: 'timeout' });
  });

  test('is not asked at all once the step is stopped', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(request({ method: 'POST', path: '/x' }, connect(), { signal })).rejects.toMatchObject({
      code: 'aborted',
      happened: 'nothing',
    });
    expect(received).toEqual([]);
  });
});

describe('the allow list', () => {
  const allow = ['GET /health', 'POST /api/v1/evolution/*/stop', 'DELETE /logs-*', 'GET /a*b*c'];

  test.each([
    ['GET', '/health'],
    ['POST', '/api/v1/evolution/cycle 1/stop'],
    ['POST', '/api/v1/evolution/größe%20@;x=1/stop'],
    ['DELETE', '/logs-2026.01.01'],
    ['DELETE', '/logs-'],
    ['GET', '/abbcbc'],
  ])('lets %s %s through', async (method, path) => {
    expect(await request({ method, path }, connect({ allow }))).toMatchObject({ status: 200 });
  });

  test.each([
    ['POST', '/health'],
    ['HEAD', '/health'],
    ['GET', '/health/'],
    ['GET', '/'],
    ['GET', '/healthz'],
    ['GET', '/Health'],
    ['POST', '/api/v1/evolution//stop'],
    ['POST', '/api/v1/evolution/stop'],
    ['POST', '/api/v1/evolution/a/b/stop'],
    ['DELETE', '/api/v1/evolution/a/stop'],
    ['DELETE', '/logs-*'],
    ['DELETE', '/logs-%2A'],
    ['DELETE', '/logs-a,users'],
    ['DELETE', '/logs-a/users'],
    ['DELETE', '/logs'],
    ['GET', '/ab'],
    ['GET', '/acb'],
  ])('keeps %s %s out', async (method, path) => {
    const code = path.includes('//') ? 'invalid_value' : 'not_allowed';
    await expect(request({ method, path }, connect({ allow }))).rejects.toMatchObject({ code, happened: 'nothing' });
    expect(received).toEqual([]);
  });

  test('that is empty allows nothing', async () => {
    await expect(request({ path: '/health' }, connect({ allow: [] }))).rejects.toMatchObject({ code: 'not_allowed' });
  });

  test('holds for the connection as it is when the step runs', async () => {
    const plan = await httpRequest.plan(
      parseParameters(httpRequest.params, { path: '/health' }, () => true),
      createStepContext(connect()),
    );
    await expect(httpRequest.run(plan, createStepContext(connect({ allow: [] })))).rejects.toMatchObject({ code: 'not_allowed' });
  });
});

const REFUSED_PATHS = [
  '', 'health', '@127.0.0.1:1/', ':1/', '.evil.example/', 'http://evil.example/', '//evil.example/', '///evil.example', '/\\evil.example',
  '\\\\evil.example', '/a//b', '/a/../b', '/..', '/../', '/a/..', '/a/./b', '/.', '/%2e%2e/b', '/%2E%2E/b', '/.%2e/b', '/%2e/b', '/a/%2e%2e',
  '/%252e%252e/b', '/%25252e%25252e/b', '/a%2fb', '/a%2Fb', '/a%252fb', '/a%5cb', '/a\\..\\b', '/..;/b', '/..;x=1/b', '/%2e%2e;/b', '/a?b=c', '/a?',
  '/a#b', '/a\r\nHost: evil.example', '/a\nX: y', '/a%0d%0aX:%20y', '/a%0a', '/a%250a', '/a\0', '/a%00', '/a\t', '/\t/evil.example', '/\n/evil.example',
  '/a\u2028b', '/a%', '/a%2', '/a%zz', '/%c0%ae%c0%ae/b', '/%c0%afb', '/%ff', '/a\u007f', '/a\u0085b', '/?@evil.example', '/#@evil.example',
  '/%09/evil.example', '/..%00/b', '/..%2f', '/%2e%2e%2fb', '/a/..%5cb', ' /health', '\t/health',
]; // prettier-ignore

const HARMLESS_PATHS = [
  '/@evil.example', '/evil.example:80', '/user:pass@evil.example/x', '/...', '/..a', '/a..', '/a;b', '/．．/b', '/%EF%BC%8E%EF%BC%8E/b',
  '/169.254.169.254', '/[::ffff:127.0.0.1]', '/0x7f.1', '/$(touch x)', '/`id`', "/'--", '/"<script>', '/a b', '/%41', '/100%25', '/{{ labels.x }}', '/a&b=c',
  '/\u202Egnp', '/a\ud800b', '/__proto__', '/~root', '/*', '/a/',
]; // prettier-ignore

describe('a path', () => {
  const baseUrls = ['', '/base', '/base/'];

  test.each(REFUSED_PATHS)('that could be read as another one is refused: %j', async (path) => {
    for (const basePath of baseUrls) {
      const code = path === '' ? 'missing_value' : 'invalid_value';
      await expect(request({ path }, connect({ baseUrl: origin + basePath }))).rejects.toMatchObject({ code });
    }
    expect(received).toEqual([]);
  });

  test.each(HARMLESS_PATHS)('with odd characters stays below the base URL: %j', async (path) => {
    for (const basePath of baseUrls) {
      expect(await request({ path }, connect({ baseUrl: origin + basePath }))).toMatchObject({ status: 200 });
      const sent = new URL(received.at(-1)?.url ?? '', origin);
      const prefix = basePath.replace(/\/$/, '');
      expect(sent.origin).toBe(origin);
      expect(received.at(-1)?.headers.host).toBe(new URL(origin).host);
      expect(decodeURIComponent(sent.pathname)).toBe(decodeURIComponent(prefix + path.toWellFormed()));
      expect(sent.search).toBe('');
    }
  });

  test('that is refused there is harmless in a query', async () => {
    for (const value of [...REFUSED_PATHS, ...HARMLESS_PATHS]) {
      await request({ path: '/search', query: { 'a&b': value, list: [1, true, 'x'] } });
      const sent = new URL(received.at(-1)?.url ?? '', origin);
      expect([...sent.searchParams]).toEqual([
        ['a&b', value.toWellFormed()],
        ['list', '1'],
        ['list', 'true'],
        ['list', 'x'],
      ]);
    }
    await expect(request({ path: '/search', query: { a: { b: 1 } } })).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(request({ path: '/search', query: { a: null } })).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

test('a base URL that is none, or holds credentials, sends nothing it should not', async () => {
  for (const baseUrl of ['', 'ftp://x', 'file:///etc/passwd', 'javascript:1']) {
    await expect(request({ path: '/x' }, connect({ baseUrl }))).rejects.toMatchObject({ code: 'invalid_value' });
  }
  await request({ path: '/x' }, connect({ baseUrl: origin.replace('://', '://user:canary@') }));
  expect(received[0]?.headers.authorization).toBeUndefined();
});
