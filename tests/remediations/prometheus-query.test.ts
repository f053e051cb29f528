import fc from 'fast-check';
import { z } from 'zod';
import { copyLabels } from '../../src/domain/alert.ts';
import type { PrometheusConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { query } from '../../src/remediations/prometheus/query.ts';
import { ExpressionCompiler } from '../../src/rules/expression-compiler.ts';
import { compileCondition, compilePlacedText } from '../../src/rules/template.ts';
import { startGuardingProxy } from '../support/guarding-proxy.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startPrometheus, type TestPrometheus } from '../support/servers/prometheus.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const LABELS = Number(process.env['PROMQL_LABELS'] ?? 60);

async function ask(text: string, url: string, overrides: Partial<StepContext> = {}, token?: string) {
  const connection: PrometheusConnection = {
    kind: 'prometheus',
    name: 'main',
    url,
    ...(token === undefined ? {} : { bearerToken: new Secret(token) }),
  };
  const context = createStepContext(connection, overrides);
  const plan = await query.plan(parseParameters(query.params, { query: text }, matchesPattern), context);
  return query.run(plan, context);
}

/** The text of a query in a rule, with this label in it. */
function render(source: string, value: string): string {
  const compiled = compilePlacedText(
    new ExpressionCompiler({}),
    source,
    { kind: 'rule', params: {}, steps: new Map() },
    'promql',
  );
  return z.string().parse(compiled.render({ labels: copyLabels({ alertname: 'A', value }), steps: {}, params: {}, now: 0 }));
}

function holds(condition: string, output: JsonObject): boolean {
  const shape = { kind: 'rule', params: {}, steps: new Map(), output: query.outputs } as const;
  return compileCondition(new ExpressionCompiler({}), condition, shape).evaluate({ output, now: 0 });
}

describe('prometheus.query', () => {
  it.each(['output.value < 0.8', '!(output.value >= 0.8)', 'output.value != 7'])(
    'has no value without a sample, so that %p fails instead of holding',
    (condition) => {
      expect(() => holds(condition, { value: null, count: 0, result: [], warnings: [] })).toThrow(/output.value has no value/);
      expect(holds(condition, { value: 0, count: 1, result: [], warnings: [] })).toBe(true);
    },
  );

  it('needs a query', async () => {
    await expect(ask('', 'http://127.0.0.1:1')).rejects.toThrow('parameter "query" is empty');
  });

  it('says that nobody listens', async () => {
    const failure = await stepFailure(ask('up', 'http://127.0.0.1:1', {}, 'canary-token'));
    expect(failure).toMatchObject({ code: 'unavailable', happened: 'nothing' });
    expect(failure.message).not.toContain('canary');
  });

  it('stops when the time of the step is up', async () => {
    await using server = await startSilentServer();
    const failure = await stepFailure(ask('up', `http://127.0.0.1:${String(server.port)}`, { timeoutMs: 50 }));
    expect(failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
  });
});

describeWith('prometheus', 'prometheus.query on a server', () => {
  let server: TestPrometheus;

  beforeAll(async () => {
    server = await startPrometheus();
  });
  afterAll(() => server.stop());

  it('gives the number of the only sample', async () => {
    expect(await ask('vector(0.42)', server.url)).toEqual({
      value: 0.42,
      count: 1,
      result: [{ metric: {}, value: 0.42 }],
      warnings: [],
    });
    expect(await ask('label_replace(vector(3), "job", "x", "", "")', server.url)).toMatchObject({
      result: [{ metric: { job: 'x' }, value: 3 }],
    });
  });

  it('gives the number of a scalar', async () => {
    expect(await ask('1e3 * 2', server.url)).toMatchObject({ value: 2_000, count: 1 });
  });

  it('counts no samples, and has no value then', async () => {
    expect(await ask('no_such_metric', server.url)).toEqual({ value: null, count: 0, result: [], warnings: [] });
  });

  it('has no value when there are several samples', async () => {
    const text = 'label_replace(vector(1), "a", "1", "", "") or label_replace(vector(2), "a", "2", "", "")';
    const output = await ask(text, server.url);
    expect(output).toMatchObject({ value: null, count: 2 });
  });

  it('leaves out a sample whose labels are huge, and counts it all the same', async () => {
    const text = `label_replace(vector(1), "a", "${'x'.repeat(300_000)}", "", "") or label_replace(vector(2), "a", "2", "", "")`;
    const output = await ask(text, server.url);
    expect(output).toMatchObject({ value: null, count: 2, result: [{ metric: { a: '2' }, value: 2 }] });
  });

  it.each(['vector(NaN)', 'vector(1) / 0', '-vector(Inf)'])('has no value for %s', async (text) => {
    expect(await ask(text, server.url)).toMatchObject({ value: null, count: 1 });
  });

  it.each([
    ['up{', 'invalid_value', 'parse error'],
    ['"text"', 'invalid_response', 'resultType'],
    ['up[5m]', 'invalid_response', 'resultType'],
  ])('refuses %s', async (text, code, message) => {
    const failure = await stepFailure(ask(text, server.url));
    expect(failure).toMatchObject({ code, happened: 'nothing' });
    expect(failure.message).toContain(message);
  });

  it('says what Prometheus could not evaluate', async () => {
    const twice = 'label_replace(vector(1), "a", "1", "", "") or label_replace(vector(2), "a", "2", "", "")';
    const failure = await stepFailure(ask(`vector(1) + ignoring(a) (${twice})`, server.url));
    expect(failure).toMatchObject({ code: 'rejected' });
    expect(failure.message).toContain('execution');
  });

  it('needs only POST /api/v1/query, and says when that is refused', async () => {
    await using proxy = await startGuardingProxy(server.url, 'canary-token', [/^POST \/api\/v1\/query$/]);
    expect(await ask('vector(1)', proxy.url, {}, 'canary-token')).toMatchObject({ value: 1 });
    expect(proxy.passed).toEqual(['POST /api/v1/query']);
    await using closed = await startGuardingProxy(server.url, 'canary-token', []);
    const failure = await stepFailure(ask('vector(1)', closed.url, {}, 'canary-token'));
    expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
    expect(failure.message).toContain('/api/v1/query was answered 403 Forbidden');
    expect(failure.message).not.toContain('canary');
  });

  it('takes any label as the text that it is, whatever is in it', async () => {
    const hostile = [
      '"} or vector(1) #',
      '\\',
      '\\"',
      '`',
      "'",
      '{{',
      '} or up{',
      '\n',
      '\u0000',
      '"',
      'ü"',
      '$',
      '%22',
      '-',
      'or',
    ];
    const seen = async (value: string): Promise<void> => {
      const text = render('label_replace(vector(7), "seen", "{{ labels.value }}", "", "")', value);
      // A `$` in the replacement stands for a group of the pattern, which is empty.
      const expected = value.includes('$') ? expect.anything() : [{ metric: { seen: value }, value: 7 }];
      expect(await ask(text, server.url)).toMatchObject({ value: 7, count: 1, result: expected });
      const filter = render('absent(nothing{a="{{ labels.value }}", b="1"})', value);
      expect(await ask(filter, server.url)).toMatchObject({ count: 1, result: [{ metric: { a: value, b: '1' }, value: 1 }] });
    };
    for (const value of hostile) await seen(value);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }).filter((text) => text.isWellFormed()),
        seen,
      ),
      { numRuns: LABELS },
    );
  });
});
