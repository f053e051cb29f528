import type { HttpConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { copyLabels } from '../../src/domain/alert.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { deleteIndices } from '../../src/remediations/elasticsearch/delete-indices.ts';
import { parseIndexPattern } from '../../src/remediations/elasticsearch/index-pattern.ts';
import { indices } from '../../src/remediations/elasticsearch/indices.ts';
import { ExpressionCompiler } from '../../src/rules/expression-compiler.ts';
import { compilePlacedText } from '../../src/rules/template.ts';
import { startElasticsearch, type TestElasticsearch } from '../support/servers/elasticsearch.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const DAY_MS = 86_400_000;
// Exactly what the notes of the remediation ask for.
const ALLOW = ['GET /_cat/indices/*', 'GET /_cat/aliases', 'GET /app-logs-*', 'DELETE /app-logs-*'];

let server: TestElasticsearch;

beforeEach(async () => {
  server = await startElasticsearch();
});
afterEach(() => server[Symbol.asyncDispose]());

function contextOf(more: Partial<HttpConnection> = {}, overrides: Partial<StepContext> = {}): StepContext {
  const basicAuth = { username: server.user, password: new Secret(server.password) };
  const connection: HttpConnection = {
    kind: 'http',
    name: 'logs',
    baseUrl: server.url,
    headers: {},
    basicAuth,
    allow: ALLOW,
    ...more,
  };
  return createStepContext(connection, overrides);
}

function plan(remediation: AnyRemediation, params: JsonObject, context = contextOf()) {
  return remediation.plan(parseParameters(remediation.params, params, matchesPattern), context);
}

async function perform(remediation: AnyRemediation, params: JsonObject, context = contextOf()) {
  return remediation.run(await plan(remediation, params, context), context);
}

/** An index that was made so many days ago. */
function put(name: string, days: number, more: Parameters<TestElasticsearch['put']>[1] = {}): void {
  server.put(name, { createdAt: Date.now() - days * DAY_MS, ...more });
}

const order = (more: JsonObject = {}): JsonObject => ({ match: 'app-logs-*', older_than: '5d', ...more });
const deletions = () => server.requests.filter((request) => request.startsWith('DELETE'));

describe('a pattern for indices', () => {
  it.each(['*', '_all', '**', 'a*', 'ab*', '.ds-*', '.kibana', '-logs-*', '_logs', '+logs', 'app-logs-*,users', 'app-logs-*,-x'])(
    'is refused as %p',
    async (match) => {
      expect(await stepFailure(plan(deleteIndices, order({ match })))).toMatchObject({
        code: 'invalid_value',
        happened: 'nothing',
      });
      expect(server.requests).toEqual([]);
    },
  );

  it.each([
    '<logs-{now/d}>',
    'APP-logs-*',
    'app/logs',
    'app logs*',
    'app?logs',
    'app#logs',
    'app:logs-*',
    'app-\\*',
    'ünï-*',
    'app%2A',
  ])('is refused as %p', async (match) => {
    expect(await stepFailure(plan(indices, { match }))).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
  });

  it.each([
    ['app-logs-*', 'app-logs-2026.11.21', true],
    ['app-logs-*', 'app-logs', false],
    ['app.logs', 'appxlogs', false],
    ['app-*-prod', 'app-logs-prod', true],
    ['app-*-prod', 'app-logs-prod-2', false],
    ['app-*', 'app-LOGS', false],
  ])('%p against %p is %p', (pattern, name, expected) => {
    expect(parseIndexPattern(pattern).matches(name)).toBe(expected);
  });

  it.each([
    ['my-app.v2', 'logs-my-app.v2-*'],
    ['*', undefined],
    ['a,users', undefined],
  ])('with the label %p in it is %p', (app, expected) => {
    const shape = { kind: 'rule', params: {}, steps: new Map() } as const;
    const text = compilePlacedText(new ExpressionCompiler({}), 'logs-{{ labels.app }}-*', shape, 'glob');
    const match = String(text.evaluate({ labels: copyLabels({ app }), steps: {}, params: {}, now: 0 }));
    if (expected === undefined) expect(() => parseIndexPattern(match)).toThrow(/match/);
    else expect(parseIndexPattern(match).expression).toBe(expected);
  });
});

describe('elasticsearch.indices', () => {
  it('lists the newest first, without those of data streams and of the system', async () => {
    put('app-logs-1', 1, { bytes: 300, documents: 7 });
    put('app-logs-2', 2, { bytes: 200, isClosed: true });
    put('app-other', 1);
    put('.ds-app-logs-x-2026.11.21-000001', 1, { dataStream: 'app-logs-x' });
    expect(await perform(indices, { match: 'app-logs-*' }, contextOf({ allow: ['GET /_cat/indices/*'] }))).toEqual({
      indices: [
        { name: 'app-logs-1', created_at: expect.any(String), bytes: 300, documents: 7 },
        { name: 'app-logs-2', created_at: expect.any(String), bytes: 0, documents: 0 },
      ],
      count: 2,
      bytes: 300,
    });
    expect(await perform(indices, { match: 'gone' })).toEqual({ indices: [], count: 0, bytes: 0 });
  });
});

describe('elasticsearch.delete_indices', () => {
  it('deletes the old ones that match, each by its exact name, the oldest first', async () => {
    for (let day = 1; day <= 9; day += 1) put(`app-logs-${day}`, day);
    put('app-other-9', 9);
    const planned = await plan(deleteIndices, order({ limit: 3 }));
    expect(planned).toMatchObject({
      identity: { connection: 'logs', match: 'app-logs-*', older_than_ms: 5 * DAY_MS, keep_at_least: 1, limit: 3 },
      touches: ['http:logs'],
      count: 3,
    });
    expect(JSON.stringify(planned.identity)).not.toContain('app-logs-9');
    expect(deletions()).toEqual([]);
    expect(await deleteIndices.run(planned, contextOf())).toEqual({
      deleted: 3,
      freed_bytes: 300,
      remaining: 2,
      indices: ['app-logs-9', 'app-logs-8', 'app-logs-7'],
      skipped: [],
    });
    expect(deletions()).toEqual(['DELETE /app-logs-9', 'DELETE /app-logs-8', 'DELETE /app-logs-7']);
    expect([...server.indices.keys()].sort()).toEqual([...[1, 2, 3, 4, 5, 6].map((day) => `app-logs-${day}`), 'app-other-9']);
    // Again, as after a crash, does no more.
    expect(await deleteIndices.run(planned, contextOf())).toMatchObject({ deleted: 0, remaining: 2 });
  });

  it('keeps the newest that match, however old, also when others are lost since the plan', async () => {
    for (const day of [10, 20, 30]) put(`app-logs-${day}`, day);
    const planned = await plan(deleteIndices, order({ keep_at_least: 2 }));
    expect(planned.count).toBe(1);
    server.indices.delete('app-logs-10');
    expect(await deleteIndices.run(planned, contextOf())).toMatchObject({ deleted: 0, remaining: 0 });
    expect([...server.indices.keys()]).toEqual(['app-logs-20', 'app-logs-30']);
  });

  it('never deletes what an alias writes to, or what belongs to a data stream, and says so', async () => {
    put('app-logs-new', 0);
    put('app-logs-explicit', 20, { aliases: { app: { is_write_index: true } } });
    put('app-logs-only', 21, { aliases: { single: {} } });
    put('app-logs-stream', 22, { dataStream: 'app' });
    put('app-logs-read', 23, { aliases: { single_read: { is_write_index: false }, all: {} } });
    put('app-logs-read-2', 24, { aliases: { all: {} } });
    expect(await perform(deleteIndices, order())).toEqual({
      deleted: 2,
      freed_bytes: 200,
      remaining: 3,
      indices: ['app-logs-read-2', 'app-logs-read'],
      skipped: [
        { name: 'app-logs-only', why: 'an alias writes to it' },
        { name: 'app-logs-explicit', why: 'an alias writes to it' },
        { name: 'app-logs-stream', why: 'it belongs to the data stream app' },
      ],
    });
  });

  it('leaves an index that was made anew under the same name since the plan', async () => {
    put('app-logs-new', 0);
    for (const name of ['app-logs-a', 'app-logs-b', 'app-logs-c']) put(name, 20);
    const planned = await plan(deleteIndices, order());
    put('app-logs-a', 19);
    const createdAt = server.indices.get('app-logs-b')?.createdAt ?? 0;
    put('app-logs-b', 20, { createdAt });
    put('app-logs-d', 20);
    expect(await deleteIndices.run(planned, contextOf())).toMatchObject({ deleted: 1, indices: ['app-logs-c'] });
    expect([...server.indices.keys()].sort()).toEqual(['app-logs-a', 'app-logs-b', 'app-logs-d', 'app-logs-new']);
  });

  it('takes one that is gone for no failure', async () => {
    put('app-logs-new', 0);
    for (const name of ['app-logs-a', 'app-logs-b']) put(name, 20);
    const planned = await plan(deleteIndices, order());
    server.beforeDelete = (name) => void server.indices.delete(name);
    expect(await deleteIndices.run(planned, contextOf())).toMatchObject({ deleted: 0, remaining: 0, skipped: [] });
  });

  it('acts within `allow` only, as it is when the step runs', async () => {
    put('app-logs-new', 0);
    put('app-logs-a', 20);
    const planned = await plan(deleteIndices, order());
    for (const missing of ALLOW) {
      const context = contextOf({ allow: ALLOW.filter((each) => each !== missing) });
      for (const work of [() => plan(deleteIndices, order(), context), () => deleteIndices.run(planned, context)]) {
        const failure = await stepFailure(work());
        expect(failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
        expect(failure.message).toContain(missing.split('*')[0]);
      }
    }
    const other = contextOf({ allow: ALLOW.map((each) => each.replace('app-logs-', 'db-logs-')) });
    expect(await stepFailure(plan(deleteIndices, order(), other))).toMatchObject({ code: 'not_allowed' });
    expect(deletions()).toEqual([]);
  });

  it.each([{ match: null }, { match: '' }, { older_than: null }, { older_than: '59m' }, { keep_at_least: 0 }, { limit: 501 }])(
    'refuses %j',
    (more) => {
      expect(() => parseParameters(deleteIndices.params, order(more), matchesPattern)).toThrow(/parameter/);
    },
  );

  it('needs the privileges of its notes, and names the one that is missing', async () => {
    put('app-logs-new', 0);
    put('app-logs-a', 20);
    const planned = await plan(deleteIndices, order());
    const all = server.privileges;
    for (const needed of all.index) {
      server.privileges = { ...all, index: all.index.filter((each) => each !== needed) };
      const failure = await stepFailure(deleteIndices.run(planned, contextOf()));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(`index privileges [${needed}`);
    }
    server.privileges = { ...all, cluster: [] };
    expect((await stepFailure(plan(deleteIndices, order()))).message).toContain('cluster privileges [monitor');
    server.privileges = all;
    const wrong = contextOf({ basicAuth: { username: 'remedyd', password: new Secret('canary-password') } });
    const failure = await stepFailure(plan(deleteIndices, order(), wrong));
    expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
    expect(failure.message).not.toContain('canary');
    expect(await deleteIndices.run(planned, contextOf())).toMatchObject({ deleted: 1 });
  });

  it('says that some are gone when the right is lost on the way, or a deletion is not acknowledged', async () => {
    put('app-logs-new', 0);
    for (const name of ['app-logs-a', 'app-logs-b', 'app-logs-c']) put(name, 20);
    const planned = await plan(deleteIndices, order());
    server.beforeDelete = () => {
      server.privileges = { cluster: ['monitor'], index: ['monitor', 'view_index_metadata'] };
    };
    const lost = await stepFailure(deleteIndices.run(planned, contextOf()));
    expect(lost).toMatchObject({ code: 'permission_denied', happened: 'unknown' });
    expect(lost.message).toContain('1 indices were deleted before');
    server.privileges = { cluster: ['monitor'], index: ['monitor', 'view_index_metadata', 'delete_index'] };
    server.beforeDelete = () => undefined;
    server.acknowledges = false;
    expect(await stepFailure(deleteIndices.run(planned, contextOf()))).toMatchObject({
      code: 'unknown_outcome',
      happened: 'unknown',
    });
  });

  it('stops when its time is up', async () => {
    await using silent = await startSilentServer();
    const hangs = contextOf({ baseUrl: `http://127.0.0.1:${String(silent.port)}` }, { timeoutMs: 50 });
    expect(await stepFailure(plan(deleteIndices, order(), hangs))).toMatchObject({ code: 'timeout', happened: 'nothing' });
  });
});
