import * as z from 'zod';
import { copyLabels } from '../../src/domain/alert.ts';
import { parseMatcher } from '../../src/domain/matcher.ts';
import type { Rule } from '../../src/domain/rule.ts';
import { remediations } from '../../src/remediations/index.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { testSettings } from '../support/rule-settings.ts';

function ruleWith(step: string): Rule {
  const source = `
rules:
  - name: placed
    matchers: ['alertname = "A"']
    target: redis/main
    steps:
      - ${step}
`;
  const { ruleSet, problems } = loadRules([parseYaml('placed.yml', source)], { ...testSettings, remediations });
  const rule = ruleSet?.byName('placed');
  if (rule === undefined) throw new Error(JSON.stringify(problems));
  return rule;
}

function parametersOf(rule: Rule, labels: Record<string, string>) {
  const call = rule.rungs[0]?.playbook.steps[0]?.call;
  if (call?.kind !== 'remediation') throw new Error('no call');
  return call.render({ labels: copyLabels(labels), steps: {}, params: {}, now: 0 }).params;
}

describe('text that others wrote, in places where it could be more than text', () => {
  test.each([
    ['*', 'session:\\*:*'],
    ['a?[b-c]^\\', 'session:a\\?\\[b\\-c\\]\\^\\\\:*'],
    ['plain', 'session:plain:*'],
  ])('a label %j is literal in a Redis glob', (id, match) => {
    const rule = ruleWith(
      `{ id: clear, uses: redis.delete_keys, with: { connection: cache, match: 'session:{{ labels.id }}:*' } }`,
    );
    expect(parametersOf(rule, { id })['match']).toBe(match);
  });

  test('a label that is the whole pattern is no pattern', () => {
    const rule = ruleWith(`{ id: clear, uses: redis.delete_keys, with: { connection: cache, match: '{{ labels.id }}' } }`);
    expect(parametersOf(rule, { id: 'a*' })['match']).toBe('a\\*');
    expect(() => parametersOf(rule, { id: '*' })).toThrow(/match/);
    expect(() => parametersOf(rule, {})).toThrow(/id/);
  });

  test.each([
    ['"', 'instance="\\""'],
    ['a\\', 'instance="a\\\\"'],
    ['web-1:80', 'instance="web-1:80"'],
  ])('a label %j is literal in a matcher of a silence', (instance, matcher) => {
    const rule = ruleWith(
      `{ id: quiet, uses: alertmanager.silence, with: { connection: monitoring, matchers: ['instance="{{ labels.instance }}"'], duration: 5m } }`,
    );
    expect(parametersOf(rule, { instance })['matchers']).toEqual([matcher]);
  });

  test('a label is no pattern, in none of the regular expressions of a matcher or a query', () => {
    const matcher = `'instance=~"{{ labels.instance }}:.*|{{ labels.instance }}"'`;
    const silence = ruleWith(
      `{ id: quiet, uses: alertmanager.silence, with: { connection: monitoring, matchers: [${matcher}], duration: 5m } }`,
    );
    const [rendered] = z.array(z.string()).parse(parametersOf(silence, { instance: '.*"' })['matchers']);
    const matcherOf = parseMatcher(rendered ?? '');
    expect(['.*":80', '.*"', 'web:80', 'web'].map((instance) => matcherOf.matches({ instance }))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const query = ruleWith(
      `{ id: ask, uses: prometheus.query, with: { connection: monitoring, query: 'up{job="{{ labels.job }}", instance!~"{{ labels.instance }}"}' } }`,
    );
    expect(parametersOf(query, { instance: 'a.b', job: 'c.d' })['query']).toBe('up{job="c.d", instance!~"a\\x5c.b"}');
    const raw = ruleWith(
      `{ id: ask, uses: prometheus.query, with: { connection: monitoring, query: 'up{job="{{ labels.job }}", instance=~\`{{ labels.instance }}:.*\`}' } }`,
    );
    expect(parametersOf(raw, { instance: 'a.b*', job: 'c.d' })['query']).toBe('up{job="c.d", instance=~`a\\x2eb\\x2a:.*`}');
  });

  test('a missing value prints as a dash in a message, and fails everywhere else', () => {
    const rule = ruleWith(`{ id: say, uses: message.post, with: { text: 'team {{ labels.team }}' } }`);
    expect(parametersOf(rule, {})['text']).toBe('team –');
  });
});
