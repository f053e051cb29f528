import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testRules } from '../../src/cli/test.ts';
import { loadWorld } from '../../src/cli/load-world.ts';
import type { RuleSet } from '../../src/domain/rule.ts';
import { lintAlerts } from '../../src/rules/lint-alerts.ts';
import { formatProblem } from '../../src/schema/problem.ts';

const PROJECT = join(import.meta.dirname, '../..');
const EXAMPLES = join(PROJECT, 'examples');
const EXAMPLE_FOLDERS = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const ALERTS = 'alertmanager-config/alerts';
/** A pack has up to a hundred tests, each with a daemon of its own. */
const LONGEST_TESTS_MS = 300_000;
const FOLDERS = ['rules', 'rules/library'];
const FILES = FOLDERS.flatMap((folder) => namesIn(folder, '.yml').map((name) => ({ folder, name })));

function namesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(PROJECT, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
}

async function loadUnconfigured(...paths: readonly string[]): Promise<RuleSet> {
  const rulePaths = paths.map((path) => join(PROJECT, path));
  const { loaded, problems } = await loadWorld({
    configFile: undefined,
    environment: {},
    workingDirectory: PROJECT,
    rulePaths,
  });
  expect(problems.map(formatProblem)).toEqual([]);
  if (loaded === undefined) throw new Error('not loaded');
  return loaded.rules;
}

/** A value for each variable that somebody is told to set. */
function documentedEnvironment(example: string): Readonly<Record<string, string>> {
  const texts = ['README.md', '.env.example'].map((file) => join(EXAMPLES, example, file)).filter((file) => existsSync(file));
  const names = texts.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\b([A-Z][A-Z0-9_]*)=/g)].map(([, name]) => name),
  );
  return Object.fromEntries(names.flatMap((name) => (name === undefined ? [] : [[name, hash('sha256', name)]])));
}

describe.each(FILES)('the rules $folder/$name.yml', ({ folder, name }) => {
  it('only observe, and load without a configuration', async () => {
    const { rules } = await loadUnconfigured(`${folder}/${name}.yml`);
    expect(new Set(rules.map(({ mode }) => mode))).toEqual(new Set(['observe']));
  });

  it(
    'decide as their tests say',
    async () => {
      const printed: string[] = [];
      const status = await testRules([join(PROJECT, folder, 'tests', `${name}.test.yml`)], {}, {}, (line) => printed.push(line));
      const others = printed.filter((line) => !line.startsWith('ok') || line.includes('warning:'));
      expect({ status, printed: others }).toEqual({
        status: 0,
        printed: [expect.stringMatching(/^[1-9]\d* passed, 0 failed$/)],
      });
    },
    LONGEST_TESTS_MS,
  );

  it('answer their alerts, each rule one at least', async () => {
    const ruleSet = await loadUnconfigured(`${folder}/${name}.yml`);
    const path = join(ALERTS, `${name}.rules.yml`);
    const file = join(PROJECT, path);
    const alerts = existsSync(file) ? [{ path, source: readFileSync(file, 'utf8') }] : [];
    expect(lintAlerts(ruleSet, alerts).map(formatProblem)).toEqual([]);
  });
});

it('all rules load together', async () => {
  const { rules } = await loadUnconfigured('rules');
  const apart = await Promise.all(FILES.map(({ folder, name }) => loadUnconfigured(`${folder}/${name}.yml`)));
  expect(rules.map((rule) => rule.name).sort()).toEqual(apart.flatMap((set) => set.rules.map((rule) => rule.name)).sort());
});

it('every file of alerts has its rules', () => {
  expect(FILES.map(({ name }) => name)).toEqual(expect.arrayContaining([...namesIn(ALERTS, '.rules.yml')]));
});

describe.each(EXAMPLE_FOLDERS)('the example %s', (example) => {
  it('may act when the pack says `mode: auto` once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remedyd-pack-'));
    const pack = join(folder, `${example}.yml`);
    const source = readFileSync(join(PROJECT, 'rules', `${example}.yml`), 'utf8');
    await writeFile(pack, source.replace('  mode: observe', '  mode: auto'));
    const { loaded, problems } = await loadWorld({
      configFile: join('examples', example, 'remedyd.yml'),
      environment: documentedEnvironment(example),
      workingDirectory: PROJECT,
      rulePaths: [pack],
    });
    await rm(folder, { recursive: true });
    expect(problems.filter(({ severity }) => severity === 'error').map(formatProblem)).toEqual([]);
    expect(new Set(loaded?.rules.rules.map(({ mode }) => mode))).toContain('auto');
  });

  it('has a sound configuration, with the variables that it says are to be set', async () => {
    const { loaded, problems } = await loadWorld({
      configFile: join('examples', example, 'remedyd.yml'),
      environment: documentedEnvironment(example),
      workingDirectory: PROJECT,
    });
    // Slack and PagerDuty are commented out, until somebody has keys for them.
    const others = problems
      .map(formatProblem)
      .filter((line) => !line.endsWith('go to the log only: `pagerduty` is not configured'));
    expect(others).toEqual([]);
    expect(loaded?.rules.rules.length).toBeGreaterThan(0);
  });
});
