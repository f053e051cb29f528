import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadWorld } from '../../src/cli/load-world.ts';
import type { Playbook, Rule, RuleSet } from '../../src/domain/rule.ts';
import { remediations } from '../../src/remediations/index.ts';
import { loadTestFile } from '../../src/rule-tests/load-test-file.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { anchorOf } from './anchor-of.ts';
import { coveredPlaces, type CoveredPlace } from './covered-places.ts';
import { COVERED_SYSTEMS, type CoveredSystem } from './coverage-rows.ts';
import { markdownTable } from './markdown-table.ts';

/** What is wrong with the coverage, one line each; the page cannot be made while there is any. */
class CoverageError extends Error {
  constructor(problems: readonly string[]) {
    super(`coverage:\n${problems.join('\n')}`);
  }
}

/** Every procedure of the systems that packs are for, and what answers it. Throws `CoverageError` for one that nothing answers or no test shows. */
export async function coveragePage(root: string): Promise<string> {
  const problems: string[] = [];
  const sections: string[] = [];
  for (const system of COVERED_SYSTEMS) sections.push(await section(root, system, problems));
  if (problems.length > 0) throw new CoverageError(problems);
  return [
    '# Coverage',
    '<!-- Made from the rule packs by `npm run generate`. -->',
    'The procedures of three systems, and what answers each: the rules of its pack with what they use, and the [rule tests](testing-rules.md) that show their decisions (`remedyd test rules/tests/NAME.test.yml --filter ROW`). The packs are shipped in `mode: observe`.',
    ...sections,
  ].join('\n\n');
}

async function section(root: string, { pack, title, rows }: CoveredSystem, problems: string[]): Promise<string> {
  const path = join(root, 'rules', `${pack}.yml`);
  const places = coveredPlaces(await readFile(path, 'utf8'));
  const rules = await loadPack(path);
  const tests = await testNames(join(root, 'rules', 'tests', `${pack}.test.yml`));
  const known = new Set(rows.map(({ id }) => id));
  for (const place of places)
    for (const id of place.rows) if (!known.has(id)) problems.push(`rules/${pack}.yml: ${place.name}: there is no row ${id}`);
  const lines = rows.map(({ id, when }) => {
    const answers = places.filter((place) => place.rows.includes(id));
    const shown = tests.filter((name) => name.split(/[\s:,]/, 1)[0] === id);
    if (answers.length === 0) problems.push(`rules/${pack}.yml: nothing answers ${id} (${when})`);
    if (shown.length === 0) problems.push(`rules/tests/${pack}.test.yml: no test shows ${id} (${when})`);
    return [
      id,
      when,
      answers.map((place) => describePlace(place, rules)).join('<br>'),
      usesOf(answers, rules),
      String(shown.length),
    ];
  });
  return [
    `## ${title}`,
    `[rules/${pack}.yml](../rules/${pack}.yml), [tests](../rules/tests/${pack}.test.yml), [alerts](../alertmanager-config/alerts/${pack}.rules.yml), [example](../examples/${pack}/README.md)`,
    markdownTable(['', 'When', 'Then', 'Uses', 'Tests'], lines),
  ].join('\n\n');
}

async function loadPack(path: string): Promise<RuleSet> {
  const { loaded, problems } = await loadWorld({
    configFile: undefined,
    environment: {},
    workingDirectory: '/',
    rulePaths: [path],
  });
  if (loaded === undefined) throw new CoverageError(problems.map(formatProblem));
  return loaded.rules;
}

async function testNames(path: string): Promise<readonly string[]> {
  const file = await loadTestFile(path, { catalogue: remediations, environment: {} });
  if (file.fault !== undefined) throw new CoverageError(file.problems.map(formatProblem));
  return file.tests.map(({ name }) => name);
}

function describePlace({ kind, name }: CoveredPlace, rules: RuleSet): string {
  if (kind === 'key') return `\`${name}\` of the pack`;
  const description = rules.byName(name)?.description ?? '';
  return `\`${name}\`${description === '' ? '' : `: ${description}`}`;
}

function usesOf(places: readonly CoveredPlace[], rules: RuleSet): string {
  const used = new Set(places.flatMap(({ kind, name }) => (kind === 'rule' ? remediationsOf(rules.byName(name)) : [])));
  return [...used]
    .sort()
    .map((name) => `[\`${name}\`](remediations.md#${anchorOf(name)})`)
    .join(', ');
}

function remediationsOf(rule: Rule | undefined): readonly string[] {
  if (rule === undefined) return [];
  const checks = rule.verify?.checks.map(({ call }) => call.remediation.name) ?? [];
  return [...rule.rungs.flatMap(({ playbook }) => namesIn(playbook)), ...checks];
}

function namesIn({ steps, finally: last }: Playbook): readonly string[] {
  return [...steps, ...last].flatMap(({ call }) => (call.kind === 'playbook' ? namesIn(call.playbook) : [call.remediation.name]));
}
