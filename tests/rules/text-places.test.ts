import { copyLabels } from '../../src/domain/alert.ts';
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

  test('a missing value prints as a dash in a message, and fails everywhere else', () => {
    const rule = ruleWith(`{ id: say, uses: message.post, with: { text: 'team {{ labels.team }}' } }`);
    expect(parametersOf(rule, {})['text']).toBe('team –');
  });
});
