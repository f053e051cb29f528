import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { testRules } from '../../src/cli/test.ts';
import { loadWorld } from '../../src/cli/load-world.ts';
import { formatProblem } from '../../src/schema/problem.ts';

const PROJECT = join(import.meta.dirname, '../..');
const RULES = join(PROJECT, 'rules');

const PACKS = readdirSync(RULES)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length));

describe.each(PACKS)('the rule pack %s', (pack) => {
  it('only observes, and loads without a configuration', async () => {
    const { loaded, problems } = await loadWorld({
      configFile: undefined,
      environment: {},
      workingDirectory: PROJECT,
      rulePaths: [join(RULES, `${pack}.yml`)],
    });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(new Set(loaded?.rules.rules.map(({ mode }) => mode))).toEqual(new Set(['observe']));
  });

  it('decides as its tests say', async () => {
    const printed: string[] = [];
    const status = await testRules([join(RULES, 'tests', `${pack}.test.yml`)], {}, {}, (line) => printed.push(line));
    expect({ status, printed: printed.filter((line) => !line.startsWith('ok')) }).toEqual({
      status: 0,
      printed: [expect.stringMatching(/^\d+ passed, 0 failed$/)],
    });
  });
});
