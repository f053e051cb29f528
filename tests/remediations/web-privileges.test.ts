import type { AlertmanagerConnection, HttpConnection } from '../../src/domain/connection.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { alerts } from '../../src/remediations/alertmanager/alerts.ts';
import { expireSilence } from '../../src/remediations/alertmanager/expire-silence.ts';
import { silence } from '../../src/remediations/alertmanager/silence.ts';
import { deleteIndices } from '../../src/remediations/elasticsearch/delete-indices.ts';
import { indices } from '../../src/remediations/elasticsearch/indices.ts';
import { startGuardingProxy } from '../support/guarding-proxy.ts';
import { startAlertmanager, type TestAlertmanager } from '../support/servers/alertmanager.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startElasticsearch, type TestElasticsearch } from '../support/servers/elasticsearch.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const DAY_MS = 86_400_000;
const TOKEN = 'canary-token';

const plan = (remediation: AnyRemediation, params: JsonObject, context: StepContext) =>
  remediation.plan(parseParameters(remediation.params, params, matchesPattern), context);
const perform = async (remediation: AnyRemediation, params: JsonObject, context: StepContext) =>
  remediation.run(await plan(remediation, params, context), context);

describe('Elasticsearch', () => {
  let server: TestElasticsearch;

  beforeEach(async () => {
    server = await startElasticsearch();
    server.put('app-logs-new', { createdAt: Date.now() });
    for (const name of ['app-logs-a', 'app-logs-b', 'app-logs-c']) server.put(name, { createdAt: Date.now() - 20 * DAY_MS });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const contextOf = (more: Partial<HttpConnection> = {}, overrides: Partial<StepContext> = {}): StepContext => {
    const basicAuth = { username: server.user, password: new Secret(server.password) };
    const allow = ['GET /_cat/indices/*'];
    return createStepContext(
      { kind: 'http', name: 'logs', baseUrl: server.url, headers: {}, basicAuth, allow, ...more },
      overrides,
    );
  };
  const list = (context = contextOf()) => perform(indices, { match: 'app-logs-*' }, context);

  it('lists indices with the privileges of the notes, and names the one that is missing', async () => {
    server.privileges = { cluster: ['monitor'], index: ['monitor'] };
    expect(await list()).toMatchObject({ count: 4 });
    for (const [kind, privileges] of [
      ['cluster', { cluster: [], index: ['monitor'] }],
      ['index', { cluster: ['monitor'], index: ['view_index_metadata'] }],
    ] as const) {
      server.privileges = privileges;
      const failure = await stepFailure(list());
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(`${kind} privileges [monitor`);
    }
  });

  it('lists only what `allow` of the connection has', async () => {
    for (const allow of [[], ['GET /_cat/aliases'], ['POST /_cat/indices/*'], ['GET /_cat/indices/db-*']]) {
      expect(await stepFailure(list(contextOf({ allow })))).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    }
    expect(server.requests).toEqual([]);
  });

  it('ends a listing with its step', async () => {
    await using silent = await startSilentServer();
    const hangs = contextOf({ baseUrl: `http://127.0.0.1:${String(silent.port)}` }, { timeoutMs: 50 });
    expect(await stepFailure(list(hangs))).toMatchObject({ code: 'timeout', happened: 'nothing' });
  });

  it('loses no further index once its step is stopped', async () => {
    const allow = ['GET /_cat/indices/*', 'GET /_cat/aliases', 'GET /app-logs-*', 'DELETE /app-logs-*'];
    const planned = await plan(deleteIndices, { match: 'app-logs-*', older_than: '5d' }, contextOf({ allow }));
    expect(planned.count).toBe(3);
    const controller = new AbortController();
    server.beforeDelete = () => controller.abort();
    const stopped = contextOf({ allow }, { signal: controller.signal });
    expect(await stepFailure(deleteIndices.run(planned, stopped))).toMatchObject({ code: 'aborted', happened: 'unknown' });
    expect(server.requests.filter((request) => request.startsWith('DELETE'))).toHaveLength(1);
    expect(server.indices.size).toBe(3);
  });
});

describeWith('alertmanager', 'Alertmanager', () => {
  let server: TestAlertmanager;

  beforeAll(async () => {
    server = await startAlertmanager({ webhook: { url: 'http://127.0.0.1:1/' } });
  });
  afterAll(() => server.stop());

  const contextOf = (url: string, overrides: Partial<StepContext> = {}): StepContext => {
    const connection: AlertmanagerConnection = { kind: 'alertmanager', name: 'main', url, bearerToken: new Secret(TOKEN) };
    return createStepContext(connection, overrides);
  };
  const order = { matchers: ['alertname="Lag"'], duration: '10m' };
  const matchers = { matchers: ['alertname="Lag"'] };
  const makeSilence = async (): Promise<Json> => (await perform(silence, order, contextOf(server.url)))['id'] ?? null;
  const lookFor = async (context: StepContext): Promise<unknown> =>
    silence.look?.(await plan(silence, order, contextOf(server.url)), Date.now(), context);

  const READ_ALERTS = 'GET /api/v2/alerts';
  const RIGHTS: readonly (readonly [string, readonly string[], (context: StepContext, id: Json) => Promise<unknown>])[] = [
    ['alerts', [READ_ALERTS], (context) => perform(alerts, matchers, context)],
    ['silence', [READ_ALERTS, 'POST /api/v2/silences'], (context) => perform(silence, order, context)],
    ['silence in doubt', ['GET /api/v2/silences'], lookFor],
    [
      'expire_silence',
      ['GET /api/v2/silence/[^/]+', 'DELETE /api/v2/silence/[^/]+'],
      (context, id) => perform(expireSilence, { id }, context),
    ],
  ];

  it.each(RIGHTS)('needs for %s just %j, and what is missing is named', async (_what, rights, work) => {
    const id = await makeSilence();
    const through = async (allow: readonly string[]) => {
      const patterns = allow.map((each) => new RegExp(`^${each}$`));
      await using proxy = await startGuardingProxy(server.url, TOKEN, patterns);
      return { passed: proxy.passed, outcome: await work(contextOf(proxy.url), id).catch((error: unknown) => error) };
    };
    for (const missing of rights) {
      const { outcome } = await through(rights.filter((each) => each !== missing));
      expect(outcome).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      const [method = '', path = ''] = missing.split(' ');
      expect(String(outcome)).toMatch(new RegExp(`${method} http://127\\.0\\.0\\.1:\\d+${path.replace('[^/]+', '')}`));
    }
    const { passed, outcome } = await through(rights);
    expect(outcome).not.toBeInstanceOf(Error);
    expect(new Set(passed).size).toBe(rights.length);
  });

  it('ends no silence of others, though a plan says so', async () => {
    const [startsAt, endsAt] = [Date.now(), Date.now() + 600_000].map((at) => new Date(at).toISOString());
    const body = { matchers: [{ name: 'a', value: 'b', isRegex: false }], startsAt, endsAt, createdBy: 'alice', comment: 'mine' };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(body) });
    const { silenceID: id } = (await answer.json()) as { silenceID: string };
    const planned = await plan(expireSilence, { id: await makeSilence() }, contextOf(server.url));
    const forged = { ...planned, data: { id } };
    expect(await stepFailure(expireSilence.run(forged, contextOf(server.url)))).toMatchObject({ code: 'not_allowed' });
    const { status } = (await (await fetch(`${server.url}/api/v2/silence/${id}`)).json()) as { status: { state: string } };
    expect(status.state).toBe('active');
  });

  it.each([
    ['alerts', () => plan(alerts, matchers, contextOf(server.url)), alerts],
    ['silence', () => plan(silence, order, contextOf(server.url)), silence],
    ['expire_silence', async () => plan(expireSilence, { id: await makeSilence() }, contextOf(server.url)), expireSilence],
  ] as const)('does not hold up %s when its run is cancelled', async (_what, makePlan, remediation) => {
    await using silent = await startSilentServer();
    const controller = new AbortController();
    const context = contextOf(`http://127.0.0.1:${String(silent.port)}`, { signal: controller.signal });
    const failure = stepFailure(remediation.run(await makePlan(), context));
    await silent.connected;
    controller.abort();
    expect(await failure).toMatchObject({ code: 'aborted' });
  });
});
