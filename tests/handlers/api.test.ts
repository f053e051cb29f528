import { once } from 'node:events';
import { connect } from 'node:net';
import * as z from 'zod';
import { openApi } from '../../src/handlers/openapi.ts';
import { alertOf, payloadOf, startEdge, tokenOf, type Edge } from './edge.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(async () => {
  expect(edge.faults).toEqual([]);
  await edge.stop();
});

type Role = 'viewer' | 'responder' | 'admin';
type Method = 'GET' | 'POST';

/** Every route of the description, and the smallest role that may use it. */
const ADMIN_ROUTES = ['/api/v1/pause', '/api/v1/resume', '/api/v1/breakers/{rule}/rearm', '/-/reload'];
const routes = Object.entries(openApi.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method): readonly [Method, string, Role] => [
    method === 'get' ? 'GET' : 'POST',
    path,
    method === 'get' ? 'viewer' : ADMIN_ROUTES.includes(path) ? 'admin' : 'responder',
  ]),
);

const concrete = (path: string): string => path.replace(/\{\w+\}/g, 'none');

/** The schema of a route's answer, as the description has it. */
function schemaOf(path: string, method: string, status: number): z.ZodType {
  const operations = z
    .record(z.string(), z.object({ responses: z.record(z.string(), z.unknown()) }))
    .parse(openApi.paths[path as keyof typeof openApi.paths]);
  const responses = operations[method]?.responses ?? {};
  const response = z
    .object({ content: z.object({ 'application/json': z.object({ schema: z.unknown() }) }) })
    .parse(responses[String(status)] ?? responses['default']);
  const text = JSON.stringify({ ...(response.content['application/json'].schema as object), $defs: openApi.components.schemas });
  return z.fromJSONSchema(
    JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Parameters<typeof z.fromJSONSchema>[0],
  );
}

async function call(method: Method, path: string, role?: Role, body?: unknown, described = path.split('?')[0] ?? '') {
  const response = await edge.api(method, path, role, body);
  const json = await response.json();
  const template =
    Object.keys(openApi.paths).find((known) => new RegExp(`^${known.replace(/\{\w+\}/g, '[^/]+')}$`).test(described)) ?? '';
  schemaOf(template, method.toLowerCase(), response.status).parse(json);
  return { status: response.status, body: json };
}

const incidentsAnswer = z.object({
  incidents: z.array(z.looseObject({ id: z.string(), rule: z.string() })),
  next_cursor: z.string().nullable(),
});

/** An incident of its own with a run that is under way. */
async function openIncident(alertname: string, name: string) {
  await edge.post(payloadOf([alertOf({ alertname, name, severity: 'critical' })], { groupLabels: { alertname, name } }));
  const rule = alertname.toLowerCase();
  const page = incidentsAnswer.parse((await call('GET', `/api/v1/incidents?rule=${rule}&limit=1`, 'viewer')).body);
  const id = page.incidents[0]?.id ?? '';
  const view = z.looseObject({
    phase: z.string(),
    status: z.string(),
    runs: z.array(z.looseObject({ id: z.string(), state: z.string() })),
    timeline: z.array(z.looseObject({ text: z.string() })),
  });
  const read = async () => view.parse((await call('GET', `/api/v1/incidents/${id}`, 'viewer')).body);
  return { id, read };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve));
}

describe('who may call', () => {
  it.each(routes)('%s %s needs a token of %s', async (method, path, role) => {
    const body = method === 'POST' ? {} : undefined;
    // Without any token a local reader is let in.
    if (method === 'POST') expect((await edge.api(method, concrete(path), undefined, body)).status).toBe(401);
    for (const authorization of ['Bearer wrong', 'Bearer', 'Basic eDp5', tokenOf('admin')]) {
      const response = await fetch(`${edge.url}${concrete(path)}`, { method, headers: { authorization }, redirect: 'manual' });
      expect([authorization, response.status]).toEqual([authorization, 401]);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
    const smaller = role === 'admin' ? 'responder' : role === 'responder' ? 'viewer' : undefined;
    if (smaller !== undefined) expect((await edge.api(method, concrete(path), smaller, body)).status).toBe(403);
  });

  it('lets nobody change anything while no token is configured, and says which key is missing', async () => {
    const own = await startEdge({ tokens: [] });
    for (const role of [undefined, 'admin'] as const) {
      const response = await own.api('POST', '/api/v1/pause', role, {});
      expect(response.status).toBe(401);
      expect(await response.text()).toContain('auth.api.tokens');
    }
    expect((await own.api('GET', '/api/v1/status')).status).toBe(200);
    await own.stop();
  });

  it('asks readers for a token where a proxy stands in front', async () => {
    expect((await edge.api('GET', '/api/v1/status')).status).toBe(200);
    expect((await fetch(`${edge.url}/api/v1/status`, { headers: { 'x-forwarded-for': '10.0.0.1' } })).status).toBe(401);
    const own = await startEdge({ externalUrl: 'https://remedyd.example.com' });
    expect((await own.api('GET', '/api/v1/status')).status).toBe(401);
    expect((await own.api('GET', '/api/v1/status', 'viewer')).status).toBe(200);
    await own.stop();
  });
});

describe('the edges of HTTP', () => {
  /** A request with headers that fetch does not let one set. */
  async function raw(url: string, text: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let said = '';
    socket.setEncoding('utf8').on('data', (part: string) => (said += part));
    socket.write(text);
    await once(socket, 'close');
    return said;
  }
  const get = (path: string, host: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${tokenOf('viewer')}\r\nConnection: close\r\n\r\n`;

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'localhost@evil', ''])(
    'refuses the host name %p',
    async (host) => {
      expect(await raw(edge.url, get('/api/v1/status', host))).toMatch(/^HTTP\/1\.1 4(?:21|00) /);
      expect(await raw(edge.url, get('/', host))).toMatch(/^HTTP\/1\.1 4(?:21|00) /);
    },
  );

  it.each(['localhost', 'localhost:9099', '127.0.0.1:1', '[::1]:9099', '10.1.2.3'])('takes the host name %p', async (host) => {
    expect(await raw(edge.url, get('/api/v1/status', host))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('lets machines ask for health and metrics under any host name', async () => {
    for (const path of ['/-/healthy', '/-/ready', '/metrics'])
      expect(await raw(edge.url, get(path, 'remedyd.svc'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each(['null', 'https://evil.example', 'http://localhost.evil.example'])('gives the origin %s no CORS', async (origin) => {
    for (const path of ['/', '/api/v1/status', '/metrics', '/webhooks/alertmanager', '/nothing']) {
      for (const method of ['GET', 'OPTIONS', 'POST']) {
        const response = await fetch(`${edge.url}${path}`, {
          method,
          headers: { origin, 'access-control-request-method': 'POST' },
        });
        expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
        expect(response.headers.get('x-powered-by')).toBeNull();
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      }
    }
    const page = await fetch(`${edge.url}/`);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(await page.text()).toMatch(/^The dashboard is not available.*\n$/);
  });

  it.each([
    ['not JSON', '{', 400],
    ['a list', '[1]', 400],
    ['an unknown key', '{"forr":"1h"}', 400],
    ['no duration', '{"for":"soon"}', 400],
    ['too large', JSON.stringify({ reason: 'x'.repeat(1_100_000) }), 413],
  ])('answers %s in one line, without a stack', async (_what, body, status) => {
    const response = await fetch(`${edge.url}/api/v1/pause`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('admin')}`, 'content-type': 'application/json' },
      body,
    });
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(
      z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) }).safeParse(JSON.parse(text)).success,
    ).toBe(true);
    expect(text).not.toMatch(/\bat .*[/\\]|node_modules/);
  });

  it('refuses another content type, an unknown route and a path that cannot be decoded', async () => {
    const headers = { authorization: `Bearer ${tokenOf('admin')}` };
    expect(
      (
        await fetch(`${edge.url}/api/v1/pause`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'text/plain' },
          body: '{}',
        })
      ).status,
    ).toBe(415);
    expect((await fetch(`${edge.url}/api/v1/nothing`, { headers })).status).toBe(404);
    expect((await fetch(`${edge.url}/api/v1/incidents/%ff`, { headers })).status).toBe(400);
  });
});

describe('incidents', () => {
  it('are listed in pages, the newest first', async () => {
    for (const name of ['p1', 'p2', 'p3']) {
      await edge.post(payloadOf([alertOf({ alertname: 'Tell', name })], { groupLabels: { name } }));
    }
    const first = incidentsAnswer.parse((await call('GET', '/api/v1/incidents?rule=tell&limit=2', 'viewer')).body);
    const second = incidentsAnswer.parse(
      (await call('GET', `/api/v1/incidents?rule=tell&limit=2&cursor=${first.next_cursor ?? ''}`, 'viewer')).body,
    );
    expect([...first.incidents, ...second.incidents].map(({ labels }) => labels)).toEqual([
      { name: 'p3' },
      { name: 'p2' },
      { name: 'p1' },
    ]);
    expect(second.next_cursor).toBeNull();
    for (const query of ['cursor=%00', 'limit=0', 'limit=x', 'status=closed', 'unknown=1']) {
      expect((await call('GET', `/api/v1/incidents?${query}`, 'viewer')).status).toBe(400);
    }
    expect((await call('GET', '/api/v1/incidents/inc_none', 'viewer')).status).toBe(404);
  });

  it('show their run while it is under way, and end as people say', async () => {
    const { id, read } = await openIncident('Act', 'one');
    await until(async () => (await read()).runs.some(({ state }) => state === 'running'));
    expect((await read()).phase).toBe('identified');
    const runId = (await read()).runs[0]?.id ?? '';
    expect((await call('GET', `/api/v1/runs/${runId}`, 'viewer')).body).toMatchObject({
      id: runId,
      rule: 'act',
      target: 'thing/one',
      playbook: null,
      steps: [{ id: 'up' }],
    });
    expect((await call('POST', `/api/v1/incidents/${id}/resolve`, 'responder', {})).status).toBe(409);
    expect((await call('POST', `/api/v1/incidents/${id}/ack`, 'responder', {})).status).toBe(200);
    expect((await call('POST', `/api/v1/incidents/${id}/ack`, 'responder')).status).toBe(409);
    expect((await call('POST', `/api/v1/runs/${runId}/cancel`, 'responder', {})).status).toBe(200);
    expect(await read()).toMatchObject({ status: 'acknowledged', acknowledged_by: 'the-responder' });
    expect((await call('POST', '/api/v1/runs/run_none/cancel', 'responder', {})).status).toBe(404);
  });

  it('of a rule that watches can be run for real, and be resolved', async () => {
    const { id, read } = await openIncident('Watch', 'two');
    await until(async () => (await read()).runs.some(({ state }) => state === 'ended'));
    expect((await call('POST', `/api/v1/incidents/${id}/retry`, 'responder', { override: 'cooldown', reason: 'x' })).status).toBe(
      403,
    );
    expect((await call('POST', `/api/v1/incidents/${id}/retry`, 'admin', { override: 'paused', reason: 'x' })).status).toBe(400);
    expect((await call('POST', `/api/v1/incidents/${id}/retry`, 'admin', { override: 'nonsense' })).status).toBe(400);
    expect((await call('POST', `/api/v1/incidents/${id}/cancel`, 'responder', {})).status).toBe(409);
    expect((await call('POST', `/api/v1/incidents/${id}/resolve`, 'responder', {})).status).toBe(200);
    expect(await read()).toMatchObject({ status: 'resolved', phase: 'resolved' });
  });

  it('can be reported by people', async () => {
    const report = { labels: { name: 'three', ['__proto__x']: 'y' }, summary: 'it smells' };
    const { status, body } = await call('POST', '/api/v1/incidents', 'responder', report);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      incidents: [
        {
          rule: 'tell',
          alerts: [{ source: 'api', labels: { alertname: 'Reported', name: 'three' }, annotations: { summary: 'it smells' } }],
        },
      ],
    });
    expect((await call('POST', '/api/v1/incidents', 'responder', report)).body).toMatchObject({
      incidents: [{ id: (body as { incidents: { id: string }[] }).incidents[0]?.id }],
    });
    expect((await call('POST', '/api/v1/incidents', 'responder', { labels: { x: 1 } })).status).toBe(400);
    const { body: audit } = await call('GET', '/api/v1/audit?limit=1', 'viewer');
    expect(audit).toMatchObject({
      entries: [
        { person: 'the-responder', via: 'api', action: 'report', subject: 'Reported', details: { summary: 'it smells' } },
      ],
    });
  });

  it('are reported anew after a person has resolved them, and worked on again', async () => {
    const report = { labels: { name: 'again' }, summary: 'it smells' };
    const reported = async (): Promise<string> => {
      const { body } = await call('POST', '/api/v1/incidents', 'responder', report);
      return (body as { incidents: { id: string }[] }).incidents.map(({ id }) => id).join();
    };
    const first = await reported();
    expect((await call('POST', `/api/v1/incidents/${first}/resolve`, 'responder', {})).status).toBe(200);
    const second = await reported();
    expect(second).not.toBe(first);
    expect(await reported()).toBe(second);
    const { body } = await call('GET', `/api/v1/incidents/${second}`, 'viewer');
    expect(body).toMatchObject({ status: 'triggered', alerts: [{ status: 'firing' }] });
    expect(JSON.stringify(body)).toContain(`the one before it: ${first}`);
    expect(JSON.stringify(body)).not.toContain('no automation');
  });

  it('take notes and fields of people, and are escalated by them', async () => {
    const { id } = await openIncident('Tell', 'noted');
    expect((await call('POST', `/api/v1/incidents/${id}/note`, 'responder', { text: 'the disk was full' })).status).toBe(200);
    const fields = { Impact: 'none yet', Contact: '@dba' };
    expect((await call('POST', `/api/v1/incidents/${id}/set`, 'responder', { fields })).status).toBe(200);
    expect((await call('POST', `/api/v1/incidents/${id}/set`, 'responder', { fields: { Contact: null } })).status).toBe(200);
    expect((await call('POST', `/api/v1/incidents/${id}/escalate`, 'responder', { reason: 'I am alone' })).status).toBe(200);
    const { body } = await call('GET', `/api/v1/incidents/${id}`, 'viewer');
    expect(body).toMatchObject({ fields: { Impact: 'none yet' }, escalation_level: 1 });
    expect(JSON.stringify(body)).toContain('the disk was full');
    expect(JSON.stringify(body)).toContain('I am alone');
    const { body: audit } = await call('GET', '/api/v1/audit?limit=4', 'viewer');
    expect(audit).toMatchObject({
      entries: [
        { person: 'the-responder', via: 'api', action: 'escalate', subject: id, ok: true },
        { action: 'set' },
        { action: 'set', details: { fields } },
        { action: 'note', details: { text: 'the disk was full' } },
      ],
    });
    const { body: draft } = await call('GET', `/api/v1/incidents/${id}/post-mortem`, 'viewer');
    expect(JSON.stringify(draft)).toContain('# Post-mortem');
  });

  it.each(['approve', 'reject'])('cannot be told to %s where nothing waits', async (action) => {
    const { id, read } = await openIncident('Act', `nothing to ${action}`);
    const run = (await read()).runs[0]?.id ?? '';
    expect((await call('POST', `/api/v1/incidents/${id}/${action}`, 'responder', {})).status).toBe(409);
    const digest = { intent_digest: 'of something else' };
    expect((await call('POST', `/api/v1/runs/${run}/${action}`, 'responder', digest)).status).toBe(409);
    expect((await call('POST', `/api/v1/incidents/none/${action}`, 'responder', {})).status).toBe(404);
  });

  it('refuse notes and fields that are too long, empty or too many', async () => {
    const { id } = await openIncident('Tell', 'too-long');
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`f${String(index)}`, 'x']));
    expect((await call('POST', `/api/v1/incidents/${id}/note`, 'responder', { text: '' })).status).toBe(400);
    expect((await call('POST', `/api/v1/incidents/${id}/note`, 'responder', { text: 'x'.repeat(4_001) })).status).toBe(400);
    expect((await call('POST', `/api/v1/incidents/${id}/set`, 'responder', { fields: many })).status).toBe(400);
    expect((await call('POST', `/api/v1/incidents/${id}/set`, 'responder', { fields: { x: 'y'.repeat(1_001) } })).status).toBe(
      400,
    );
  });
});

describe('the switches', () => {
  it('pause and resume', async () => {
    expect((await call('POST', '/api/v1/pause', 'admin', { for: '4h', reason: 'release' })).status).toBe(200);
    expect((await call('GET', '/api/v1/status', 'viewer')).body).toMatchObject({
      paused: true,
      pause: { by: 'the-admin', reason: 'release' },
      version: '1.2.3',
      rules_loaded: 4,
    });
    expect((await edge.metrics.render()).text).toContain('remedyd_paused 1');
    expect((await call('POST', '/api/v1/resume', 'admin', {})).status).toBe(200);
    expect((await call('POST', '/api/v1/resume', 'admin', {})).status).toBe(409);
    expect((await call('GET', '/api/v1/status', 'viewer')).body).toMatchObject({
      paused: false,
      pause: null,
      store: { ok: true },
    });
  });

  it('show rules and breakers', async () => {
    const { body } = await call('GET', '/api/v1/rules', 'viewer');
    expect(
      z
        .looseObject({ rules: z.array(z.looseObject({ name: z.string() })) })
        .parse(body)
        .rules.map(({ name }) => name),
    ).toEqual(['act', 'watch', 'tell', 'constructor-trap']);
    expect((await call('GET', '/api/v1/breakers', 'viewer')).body).toMatchObject({
      breakers: [{ rule: 'act', state: 'closed' }, {}, {}, {}],
    });
    expect((await call('POST', '/api/v1/breakers/act/rearm', 'admin', {})).status).toBe(409);
    expect((await call('POST', '/api/v1/breakers/none/rearm', 'admin', {})).status).toBe(404);
    expect((await call('GET', '/api/v1/report?since=1d', 'viewer')).body).toMatchObject({ total: { acted: 0 }, targets: [] });
    const { body: text } = await call('GET', '/api/v1/report?format=markdown', 'viewer');
    expect(text).toEqual({ markdown: expect.stringContaining('# What automation did') });
    expect((await call('GET', '/api/v1/report?since=yesterday', 'viewer')).status).toBe(400);
  });

  it('reload, and say what is wrong with the new rules', async () => {
    expect((await call('POST', '/-/reload', 'admin')).status).toBe(200);
    const own = await startEdge({ reloadProblems: ['rules/a.yml:3:1: error: unknown key'] });
    const response = await own.api('POST', '/-/reload', 'admin');
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('rules/a.yml:3:1: error: unknown key');
    await own.stop();
  });
});

describe('the description', () => {
  it('is served, and names every route there is', async () => {
    const served = z
      .looseObject({ openapi: z.literal('3.1.0'), paths: z.record(z.string(), z.unknown()) })
      .parse((await call('GET', '/api/openapi.json', 'viewer')).body);
    expect(served.paths).toEqual(JSON.parse(JSON.stringify(openApi.paths)));
  });
});

describe('events', () => {
  it('tell those who listen what is committed, and end when the daemon stops', async () => {
    const own = await startEdge();
    const response = await own.api('GET', '/api/v1/events', 'viewer');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let said = '';
    const listen = async (isEnough: () => boolean): Promise<void> => {
      while (!isEnough()) {
        const part = await reader?.read();
        if (part === undefined || part.done) return;
        said += part.value;
      }
    };
    await listen(() => said.includes(': listening'));
    await own.post(payloadOf([alertOf({ alertname: 'Act', name: 'x' })]));
    await listen(() => said.includes('event: run_started'));
    expect(said).toMatch(/event: incident_opened\ndata: \{"incident_id":"inc_\w+","rule":"act"/);
    const ended = listen(() => false);
    await own.stop();
    await ended;
  });
});
