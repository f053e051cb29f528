import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRules } from '../../src/rules/load-rules.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { testSettings } from '../support/rule-settings.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/examples');

test.each(['dean.yml', 'c0di3.yml', 'freeagentics.yml'])('%s loads', async (name) => {
  const { problems, ruleSet } = loadRules([parseYaml(name, await readFile(join(FOLDER, name)))], testSettings);
  const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem);
  expect(errors).toEqual([]);
  expect(ruleSet?.rules.length).toBeGreaterThan(0);
});
