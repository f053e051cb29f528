import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { copyLabels } from '../../src/domain/alert.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ResponsePlan } from '../../src/domain/response.ts';
import type { Rule } from '../../src/domain/rule.ts';
import { SnapshotError, compileSnapshot } from '../../src/rules/compile-snapshot.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { load, testSettings } from '../support/rule-settings.ts';
import { stubRemediations } from '../support/stub-remediations.ts';

const FUZZ_RUNS = 300;
const EXAMPLES = join(import.meta.dirname, '../fixtures/examples');

async function exampleRules(): Promise<readonly Rule[]> {
  const names = ['dean.yml', 'c0di3.yml', 'freeagentics.yml'];
  const files = await Promise.all(names.map(async (name) => parseYaml(name, await readFile(join(EXAMPLES, name)))));
  const { ruleSet } = loadRules(files, testSettings);
  return ruleSet?.rules ?? [];
}

/** Everything of it that is data. */
function dataOf(value: Rule | ResponsePlan): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('snapshots', () => {
  test('of all examples make equal rules, without their files and settings', async () => {
    const rules = await exampleRules();
    expect(rules.length).toBeGreaterThan(25);
    expect(rules.some((rule) => rule.responseTo('P0').rungs.length > 1)).toBe(true);
    for (const rule of rules) {
      const stored = JSON.parse(JSON.stringify(rule.snapshot)) as JsonObject;
      const again = compileSnapshot(stored, { remediations: stubRemediations });
      expect(again.digest).toBe(rule.digest);
      expect(again.snapshot).toEqual(rule.snapshot);
      expect(dataOf(again)).toEqual(dataOf(rule));
      for (const severity of ['P0', 'P1', 'P2', 'P3', 'P4', 'none']) {
        expect(dataOf(again.responseTo(severity))).toEqual(dataOf(rule.responseTo(severity)));
      }
    }
  });

  test('hold no more than the rule refers to', () => {
    const { ruleSet } = load(`rules:
  - { name: a, matchers: ['x = "1"'], target: t, playbook: outer, active_time_intervals: [business-hours] }
playbooks:
  - { name: outer, steps: [{ uses: playbook/inner }] }
  - { name: inner, steps: [{ uses: redis.ping, connection: cache }] }
  - { name: other, steps: [{ uses: redis.ping, connection: cache }] }
`);
    const snapshot = ruleSet?.rules[0]?.snapshot;
    expect(Object.keys(snapshot?.playbooks ?? {})).toEqual(['outer', 'inner']);
    expect(Object.keys(snapshot?.time_intervals ?? {})).toEqual(['business-hours']);
  });

  test('of a rule whose remediation is gone say so', async () => {
    const [rule] = await exampleRules();
    expect(() => compileSnapshot(rule?.snapshot ?? {}, { remediations: new Map() })).toThrow(SnapshotError);
    expect(() => compileSnapshot({ nonsense: 1 }, { remediations: new Map() })).toThrow(SnapshotError);
  });

  test('the digest changes with everything that the rule refers to, and with nothing else', () => {
    const text = (idle: string, other: string): string => `rules:
  - { name: a, matchers: ['x = "1"'], target: t, playbook: p }
  - { name: b, matchers: ['x = "2"'], target: t, steps: [{ uses: wait, with: { duration: ${other} } }] }
playbooks:
  - { name: p, steps: [{ uses: wait, with: { duration: ${idle} } }] }
`;
    const digests = (yaml: string): readonly (string | undefined)[] =>
      load(yaml).ruleSet?.rules.map(({ digest }) => digest) ?? [];
    const [a, b] = digests(text('1s', '1s'));
    expect(digests(text('1s', '1s'))).toEqual([a, b]);
    expect(digests(`# a comment\n${text('1s', '1s')}`)).toEqual([a, b]);
    expect(digests(text('2s', '1s'))[0]).not.toBe(a);
    expect(digests(text('2s', '1s'))[1]).toBe(b);
    expect(digests(text('1s', '2s'))[0]).toBe(a);
  });
});

describe('matching', () => {
  const step = `target: t, steps: [{ uses: wait, with: { duration: 1s } }], escalation_policy: standard`;

  test('takes every observing rule up to the first that acts', () => {
    const { ruleSet } = load(`rules:
  - { name: watch, matchers: ['alertname = "A"'], ${step} }
  - { name: any, matchers: ['team = "x"'], ${step} }
  - { name: other, matchers: ['alertname = "B"'], mode: auto, ${step} }
  - { name: act, matchers: ['alertname =~ "A|C"'], mode: auto, ${step} }
  - { name: late, matchers: ['alertname = "A"'], mode: auto, ${step} }
`);
    const match = (labels: Record<string, string>): readonly string[] | undefined =>
      ruleSet?.match(copyLabels(labels)).map(({ name }) => name);
    expect(match({ alertname: 'A', team: 'x' })).toEqual(['watch', 'any', 'act']);
    expect(match({ alertname: 'C' })).toEqual(['act']);
    expect(match({ alertname: 'D', team: 'x' })).toEqual(['any']);
    expect(match({ alertname: '__proto__' })).toEqual([]);
    expect(match({})).toEqual([]);
  });

  test('by the index finds what looking at every rule finds', () => {
    const name = fc.constantFrom('A', 'B', 'C', '__proto__', 'constructor', '');
    const matcher = fc.oneof(
      fc.tuple(fc.constantFrom('=', '!='), name).map(([op, value]) => `alertname ${op} "${value}"`),
      fc.uniqueArray(name, { minLength: 1 }).map((names) => `alertname =~ "${names.join('|')}"`),
      fc.constantFrom('alertname =~ "A.*"', 'team = "x"', 'alertname !~ "B|C"'),
    );
    const rule = fc.record({
      matchers: fc.array(matcher, { minLength: 1, maxLength: 3 }),
      mode: fc.constantFrom('observe', 'auto'),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), name, fc.constantFrom('x', ''), (rules, alertname, team) => {
        const yaml = {
          rules: rules.map(({ matchers, mode }, index) => ({
            name: `r${index}`,
            matchers: [...matchers, 'team =~ "x|"', 'always != "no"'].concat('system = "s"'),
            mode,
            target: 't',
            steps: [{ uses: 'wait', with: { duration: '1s' } }],
            escalation_policy: 'standard',
          })),
        };
        const { ruleSet } = load(JSON.stringify(yaml));
        const labels = copyLabels({ alertname, team, system: 's' });
        const all = ruleSet?.rules.filter((each) => each.matches(labels)) ?? [];
        const first = all.findIndex(({ mode }) => mode !== 'observe');
        expect(ruleSet?.match(labels)).toEqual(first === -1 ? all : all.slice(0, first + 1));
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});

describe('random rule files', () => {
  const key = fc.constantFrom(
    ...[
      'name',
      'matchers',
      'target',
      'steps',
      'uses',
      'with',
      'if',
      'expect',
      'id',
      'for_each',
      'safety',
      'verify',
      'checks',
      'playbook',
    ],
    ...[
      'fallbacks',
      'params',
      'type',
      'default',
      'mode',
      'defaults',
      'approval',
      'fields',
      'constructor',
      'retry',
      'container',
      'duration',
    ],
  );
  const leaf = fc.oneof(
    fc.constantFrom(
      'a',
      'wait',
      'playbook/a',
      'docker.restart_container',
      'x = "1"',
      '{{ labels.x }}',
      '{{',
      'auto',
      '10m',
      'int',
      '3 per 1h',
    ),
    fc.constantFrom<unknown>(null, true, 5, 'params.a > 1', '{{ params.a }}', '{{ item }}', 'main'),
    fc.string({ maxLength: 8 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 5 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    ),
  }));
  const steps = fc.array(fc.dictionary(key, value, { maxKeys: 4 }), { maxLength: 3 });
  const rule = fc.record({
    name: leaf,
    matchers: fc.array(leaf, { maxLength: 2 }),
    target: leaf,
    steps,
    more: fc.dictionary(key, value, { maxKeys: 3 }),
  });
  const file = fc.record(
    {
      rules: fc.array(
        rule.map(({ more, ...known }) => ({ ...known, ...more })),
        { maxLength: 3 },
      ),
      playbooks: fc.oneof(
        value,
        fc.array(fc.record({ name: leaf, steps, params: value }, { requiredKeys: [] }), { maxLength: 2 }),
      ),
      defaults: value,
    },
    { requiredKeys: [] },
  );

  test('load or have problems, and never throw', () => {
    fc.assert(
      fc.property(fc.oneof(file, value), (content) => {
        const { problems, ruleSet } = load(JSON.stringify(content));
        expect(ruleSet !== undefined || problems.length > 0).toBe(true);
      }),
      { numRuns: FUZZ_RUNS * 3 },
    );
  });
});
