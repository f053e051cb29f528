import fc from 'fast-check';
import type { Scope } from '../../src/domain/scope.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
import { ExpressionCompiler } from '../../src/rules/expression-compiler.ts';
import type { ScopeShape } from '../../src/rules/expression-scope.ts';
import { compileCondition, compileTemplate, compileTextTemplate, compileValue } from '../../src/rules/template.ts';

const FUZZ_RUNS = 3_000;

const shape: ScopeShape = {
  kind: 'rule',
  params: {
    idle_for: { type: 'duration', default: '10m' },
    limit: { type: 'int' },
    names: { type: 'list' },
    memory: { type: 'bytes' },
    ratio: { type: 'number' },
  },
  steps: new Map([
    [
      'before',
      {
        outputs: {
          idle: { type: 'int', description: 'Idle sessions.' },
          used_ratio: { type: 'number', description: 'Used share.' },
          age: { type: 'duration', description: 'Age.' },
          at: { type: 'timestamp', description: 'When.' },
          json: { type: 'any', description: 'The answer.' },
        },
      },
    ],
  ]),
  item: true,
  output: { ready: { type: 'bool', description: 'Whether it answers.' } },
};
const playbook: ScopeShape = { kind: 'playbook', params: shape.params, steps: shape.steps };

const labels = (entries: Record<string, string>): Record<string, string> =>
  Object.assign(Object.create(null), entries) as Record<string, string>;

const alertView = {
  status: 'firing',
  labels: Object.assign(labels({ pod: 'web-1', constructor: 'c' }), {}),
  annotations: labels({}),
  fingerprint: 'f',
  starts_at: 0,
};
const scope: Scope = {
  labels: labels({ instance: 'db1', ['constructor']: 'built', toString: 'text', evil: '$(rm -rf /)' }),
  annotations: labels({ summary: 'Too many' }),
  alert: alertView,
  alerts: [alertView, { ...alertView, labels: labels({ pod: 'web-2' }) }],
  group: labels({ cluster: 'a' }),
  incident: { id: 'i1', severity: 'P1', status: 'triggered', started_at: 0 },
  params: { idle_for: 129_600_000, limit: 5, names: ['a', 'b'], ratio: 1 },
  steps: {
    before: {
      state: 'succeeded',
      output: {
        idle: 40,
        used_ratio: 1,
        age: 90_000,
        at: '1970-01-01T00:00:00Z',
        json: { n: 2.5, list: [1, 'x', null], ['constructor']: 'c' },
      },
      error: '',
      items: [{ item: { name: 'one' }, state: 'failed', output: { status: 503 }, error: 'timeout' }],
    },
  },
  run: { id: 'r1', attempt: 2, failed: true, actor: '' },
  now: 0,
  item: { name: 'thing' },
  output: { ready: true },
};

const compiler = new ExpressionCompiler({ env: 'production', replicas: 3, ratio: 0.5, empty: null });

function render(source: string): unknown {
  const template = compileTemplate(compiler, source, shape);
  expect(template.problems).toEqual([]);
  return template.render(scope);
}

function problemsOf(source: string, at: ScopeShape = shape): string {
  return compileValue(compiler, source, at)
    .problems.map(({ message }) => message)
    .join(' | ');
}

function failureOf(source: string): string {
  try {
    return `rendered ${JSON.stringify(render(source))}`;
  } catch (error) {
    if (error instanceof ExpressionError) return error.code;
    throw error;
  }
}

describe('templates', () => {
  test.each<[string, unknown]>([
    ['plain text', 'plain text'],
    ['{{ params.limit }}', 5],
    ['{{ params.idle_for }}', 129_600_000],
    ['{{ params.names }}', ['a', 'b']],
    ['{{ params.ratio }}', 1],
    ['{{ params.limit + 1 }}', 6],
    ['{{ run.failed }}', true],
    ['postgres/{{ labels.instance }}', 'postgres/db1'],
    ['x-{{ params.idle_for }}-{{ params.limit }}', 'x-1d12h-5'],
    ['{{ labels.?missing.orValue("main") }}', 'main'],
    ['{{ "}}" }}{{ \'{{\' }}', '}}{{'],
    ['{{ {"a": {"b": 1}}.a.b }}', 1],
    ['{{ {"a": {"b": 1}} }}', { a: { b: 1 } }],
    ['{{ labels.constructor }} {{ labels["toString"] }}', 'built text'],
    ['{{ labels.evil }}', '$(rm -rf /)'],
    ['{{ string(now) }}', '1970-01-01T00:00:00Z'],
    ['{{ string(params.idle_for) }}', '1d12h'],
    ['{{ duration("1d") + duration("1w") }}', 691_200_000],
    ['{{ timestamp("2026-11-22T02:30:00Z") }}', '2026-11-22T02:30:00Z'],
    ['{{ alerts.map(a, a.labels.pod).join(", ") }}', 'web-1, web-2'],
    ['{{ alerts.map(a, a.labels) }}', [{ pod: 'web-1', constructor: 'c' }, { pod: 'web-2' }]],
    ['{{ alert.labels.pod }}', 'web-1'],
    ['{{ steps.before.items.map(i, (i.state == "succeeded" ? "ok" : "DOWN") + " " + i.item.name).join("\\n") }}', 'DOWN one'],
    ['{{ steps.before.items[0].output.status }}', 503],
    ['{{ steps.before.output.json.n }}', 2.5],
    ['{{ steps.before.output.json.constructor }}', 'c'],
    [
      '{{ steps.before.output }}',
      {
        idle: 40,
        used_ratio: 1,
        age: 90_000,
        at: '1970-01-01T00:00:00Z',
        json: { n: 2.5, list: [1, 'x', null], ['constructor']: 'c' },
      },
    ],
    ['{{ steps.before.output.age < duration("26h") }}', true],
    ['{{ steps.before.output.at < now }}', false],
    ['{{ labels.instance.matches("db") }}{{ labels.instance.matches("db[0-9]") }}', 'falsetrue'],
    ['{{ labels.instance.find("b") }}', true],
    ['{{ labels.instance.find("a)|(b") }}', undefined],
    ['{{ labels.instance.replace("d", "$&") }}', '$&b1'],
    ['{{ vars.env }}/{{ vars.replicas }}/{{ vars.ratio }}', 'production/3/0.5'],
    ['{{ has(params.memory) }}', false],
    ['{{ item.name }}', 'thing'],
    ['{{ steps.before.output.idle > 5 ? "yes" : "no" }}', 'yes'],
    ['{{ r"\\d" }}', '\\d'],
    ['{{ """a"b}}""" }}', 'a"b}}'],
    ['{{ labels.exists(name, name == "instance") }}', true],
    ['{{ cel.bind(x, params.limit, x * x) }}', 25],
  ])('%s', (source, wanted) => {
    if (wanted === undefined) expect(compileTemplate(compiler, source, shape).problems).not.toEqual([]);
    else expect(render(source)).toEqual(wanted);
  });

  test.each([
    ['{{ labels.missing }}', 'missing_value'],
    ['{{ labels.__proto__ }}', 'missing_value'],
    ['a{{ labels.missing }}', 'missing_value'],
    ['a{{ run.actor }}', 'missing_value'],
    ['{{ run.actor }}', 'missing_value'],
    ['', 'missing_value'],
    ['{{ params.memory }}', 'missing_value'],
    ['{{ params.names[7] }}', 'missing_value'],
    ['{{ steps.before.output.json.absent }}', 'missing_value'],
    ['{{ steps.before.output.json.list[2] }}', 'missing_value'],
    ['{{ 1 / 0 }}', 'expression_error'],
    ['{{ 9223372036854775807 }}', 'expression_error'],
    ['{{ labels.instance.matches(labels.evil + "(") }}', 'expression_error'],
  ])('%s has no value: %s', (source, code) => {
    expect(failureOf(source)).toBe(code);
  });

  test('a message for people prints a dash for what is missing', () => {
    const template = compileTextTemplate(compiler, '{{ labels.missing }} on {{ labels.instance }} by {{ run.actor }}', shape);
    expect(template.renderForPeople(scope)).toBe('– on db1 by –');
    expect(() => template.render(scope)).toThrow(ExpressionError);
  });

  test('the error of a missing label names it', () => {
    const template = compileTemplate(compiler, 'x/{{ labels.missing }}', shape);
    expect(() => template.render(scope)).toThrow('labels.missing has no value');
  });

  test.each([
    ['{{ labels.x', "'{{' without its '}}'"],
    ['{{ "}} }}', "'{{' without its '}}'"],
    ['{{ }}', "'{{ }}' is empty"],
    ['a {{ params.names }}', 'a list cannot stand inside a text'],
    ['a {{ labels.?x }}', 'end it with .orValue'],
    ['{{ labels.?x }}', 'end it with .orValue'],
    ['host ${labels.instance}', 'write {{ … }}'],
    ['a {{ params.limt }}', "'params' has no 'limt', did you mean 'limit'?"],
  ])('%s is refused: %s', (source, message) => {
    const [problem] = compileTemplate(compiler, source, shape).problems;
    expect(problem?.message).toContain(message);
  });

  test('a problem is marked where it stands in the template', () => {
    const source = 'ab {{ "}}" }} {{  params.limt }}';
    const [problem] = compileTemplate(compiler, source, shape).problems;
    expect(source.slice(0, problem?.end)).toMatch(/params\.limt$/);
  });

  test('a whole number is required where an output promises one', () => {
    const wrong = { ...scope, steps: { before: { state: 'succeeded', output: { idle: 1.5 }, error: '', items: [] } } } as const;
    const template = compileTemplate(compiler, '{{ steps.before.output.idle }}', shape);
    expect(() => template.render(wrong)).toThrow('steps.before.output.idle is not a value of type int');
  });
});

describe('conditions', () => {
  test.each<[string, boolean]>([
    ['output.ready', true],
    ['steps.before.output.idle > 5 && !(labels.instance == "db2")', true],
    ['run.attempt > 2', false],
    ['has(labels.missing) && labels.missing == "x"', false],
    ['labels.missing == "x" || true', true],
    ['"DATABASE_URL" in {"DATABASE_URL": 1}', true],
  ])('%s', (source, wanted) => {
    const condition = compileCondition(compiler, source, shape);
    expect(condition.problems).toEqual([]);
    expect(condition.evaluate(scope)).toBe(wanted);
  });

  test('a text is no condition', () => {
    expect(compileCondition(compiler, 'labels.instance', shape).problems[0]?.message).toContain('it has to be true or false');
    const dynamic = compileCondition(compiler, 'steps.before.output.json.n', shape);
    expect(() => dynamic.evaluate(scope)).toThrow('neither true nor false');
  });
});

describe('what is wrong is found when the rules load', () => {
  test.each([
    ['steps.befor.output.idle > 5', "'steps' has no 'befor', did you mean 'before'?"],
    ['steps.before.output.idel > 5', "did you mean 'idle'?"],
    ['has(params.limt)', "did you mean 'limit'?"],
    ['params.?limt.orValue(1)', "did you mean 'limit'?"],
    ['params["limt"]', "did you mean 'limit'?"],
    ['alerts.map(a, a.label)', 'No such key: label'],
    ['has(alert.typo)', "'alert' has no 'typo'"],
    ['steps[labels.instance].state', 'needs a name that is written here'],
    ['vars.evn', "did you mean 'env'?"],
    ['label.x', "unknown name 'label', did you mean 'labels'?"],
    ['params.limit + 1.5', 'no such overload: int + double'],
    ['labels.instance == 1', 'no such overload: string == int'],
    ['params.idle_for > 5', 'no such overload: duration > int'],
    ['duration("10x")', 'is not a duration'],
    ['labels.instance.matches("(")', 'not a regular expression'],
    ['labels.instance.matches(5)', 'string.matches(int)'],
    ['alerts.map(labels, labels)', 'is a name of the scope'],
    ['[1].map(a, [1].map(b, [1].map(c, a)))', 'may nest'],
    ['{"__proto__": 1}', 'cannot be a key'],
    ['labels.x | default("a")', 'orValue'],
    ['labels.x | upper', 'there are no filters'],
    ['labels.x =~ "a.*"', 'text.matches'],
    ['failure()', 'run.failed'],
    ['steps.before.outputs.idle', 'it is called output'],
    ['labels.x == "a" and run.failed', '&&'],
    ['labels.x == "a" or run.failed', '||'],
    ['not run.failed', "'not' is written !"],
    ['labels.x = "a"', 'equality is written =='],
    ['${labels.x}', 'between {{ }}'],
    ['{{ labels.x }}', 'without {{ }}'],
    ['$labels.x', 'names have no $'],
    ['.Labels.x', 'labels.NAME'],
    ['steps.check-disk.output.x', "a '-' subtracts"],
    ['labels.x is defined', 'has(labels.NAME)'],
    ['', 'Unexpected token'],
    ['"'.padEnd(5_000, 'x'), 'longer than'],
    ['('.repeat(300), 'maxDepth'],
  ])('%s: %s', (source, message) => {
    expect(problemsOf(source)).toContain(message);
  });

  test('a playbook sees neither labels nor alerts', () => {
    expect(problemsOf('labels.x', playbook)).toContain('give it a parameter');
    expect(problemsOf('alerts.size()', playbook)).toContain('give it a parameter');
    expect(problemsOf('params.limit', playbook)).toBe('');
    expect(problemsOf('item', playbook)).toContain('for_each');
    expect(problemsOf('output.x', playbook)).toContain('only in expect');
  });

  test('places behind a bounded list are those of the source', () => {
    const source = 'alerts.map(a, a.labels.pod) + steps.before.items.map(i, i.state)  == params.limit';
    const [problem] = compileValue(compiler, source, shape).problems;
    expect(problem?.end).toBeLessThanOrEqual(source.length);
    expect(problem?.message).toContain('no such overload');
  });
});

describe('no expression keeps the daemon busy', () => {
  test('long lists in comprehensions are an error', () => {
    const many = { ...scope, params: { ...scope.params, names: Array.from({ length: 10_001 }, () => 'x') } };
    const value = compileValue(compiler, 'params.names.map(x, x)', shape);
    expect(() => value.render(many)).toThrow('too long');
    const some = { ...scope, params: { ...scope.params, names: Array.from({ length: 600 }, () => 'x') } };
    const nested = compileValue(compiler, 'params.names.exists(x, params.names.exists(y, x != y))', shape);
    expect(() => nested.render(some)).toThrow('too long');
  });

  test('texts cannot be doubled without end', () => {
    const doubling = '.map(x, x + x)'.repeat(28);
    const value = compileValue(compiler, `["xxxxxxxx"]${doubling}`, shape);
    expect(value.problems).toEqual([]);
    expect(() => value.render(scope)).toThrow('too large');
    const replacing = compileValue(compiler, `"x"${'.replace("x", "xx")'.repeat(30)}`, shape);
    expect(() => replacing.render(scope)).toThrow('longer than');
  });
});

describe('random expressions', () => {
  const tokens = fc.constantFrom(
    ...[
      'labels',
      'params',
      'steps',
      'before',
      'output',
      'idle',
      'names',
      'item',
      'now',
      'alerts',
      'a',
      'x',
      '.',
      '.?',
      '[',
      ']',
      '[?',
      '(',
      ')',
      '{',
      '}',
    ],
    ...[
      'map(',
      'filter(',
      'exists(',
      'has(',
      'cel.bind(',
      'matches(',
      'replace(',
      'duration(',
      'string(',
      'size(',
      'join(',
      'split(',
      'orValue(',
      '"',
    ],
    ...[
      "'",
      '"a"',
      '"1d"',
      '1',
      '1.5',
      'true',
      'null',
      '+',
      '-',
      '*',
      '/',
      '==',
      '!=',
      '&&',
      '||',
      '!',
      '?',
      ':',
      ',',
      ' ',
      '{{',
      '}}',
      '\\',
      'r"',
      '=~',
    ],
    ...['|', 'default', '__proto__', 'constructor', '//', '\n', '\u0000', 'ü', '🙂', 'b"', '1u', '$'],
  );
  const soup = fc.oneof(
    fc.array(tokens, { maxLength: 25 }).map((parts) => parts.join('')),
    fc.string({ maxLength: 60, unit: 'binary' }),
  );

  function settle(evaluate: () => unknown): void {
    try {
      evaluate();
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
    }
  }

  test('either have problems or give a value or an ExpressionError', () => {
    fc.assert(
      fc.property(soup, (source) => {
        const value = compileValue(compiler, source, shape);
        for (const { start, end } of value.problems) expect(start <= end && start >= 0 && end <= source.length).toBe(true);
        if (value.problems.length === 0) settle(() => value.render(scope));
      }),
      { numRuns: FUZZ_RUNS },
    );
    compiler.releaseMemory();
  });

  test('so do templates', () => {
    fc.assert(
      fc.property(soup, soup, (before, inside) => {
        const template = compileTemplate(compiler, `${before}{{ ${inside} }}`, shape);
        if (template.problems.length === 0) settle(() => template.render(scope));
      }),
      { numRuns: FUZZ_RUNS },
    );
    compiler.releaseMemory();
  });
});
