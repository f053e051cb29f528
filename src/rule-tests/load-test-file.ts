import { access } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Environment } from '../config/environment.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { RuleMode, RuleSet } from '../domain/rule.ts';
import { loadRules } from '../rules/load-rules.ts';
import { readRuleFiles } from '../rules/read-rule-files.ts';
import { testsFileSchema, type TestsFileDefinition } from '../rules/tests-file-schema.ts';
import { checkYaml } from '../schema/explain-issues.ts';
import { hasErrors, sortProblems, type Problem } from '../schema/problem.ts';
import { readYamlFile, type YamlFile } from '../schema/yaml-file.ts';
import { compileTest } from './compile-test.ts';
import { loadTestSettings } from './load-test-settings.ts';
import type { RuleTest } from './rule-test.ts';
import { RulesInMode } from './rules-in-mode.ts';
import { ScriptedRemediations } from './scripted-remediations.ts';

/** The tests of a file, or why there are none. */
export type LoadedTestFile =
  | { readonly file: string; readonly tests: readonly RuleTest[]; readonly fault?: undefined }
  | {
      readonly file: string;
      readonly fault: 'tests' | 'rules';
      /** Of the file of tests, or of the rules and the configuration that it names. */
      readonly problems: readonly Problem[];
    };

export interface TestSource {
  readonly catalogue: ReadonlyMap<string, AnyRemediation>;
  readonly environment: Environment;
  /** For files that name none. */
  readonly config?: string | undefined;
}

/** Reads a file of rule tests with its rules and its configuration, and checks all that it names. Never throws for what is in the files. */
export async function loadTestFile(path: string, source: TestSource): Promise<LoadedTestFile> {
  const file = shown(path);
  const read = await readYamlFile(path, file);
  if ('problems' in read) return { file, fault: 'tests', problems: read.problems };
  const { yaml } = read;
  const checked = checkYaml(yaml, testsFileSchema);
  if ('problems' in checked) return { file, fault: 'tests', problems: checked.problems };
  const { value } = checked;

  const remediations = new ScriptedRemediations(source.catalogue);
  const folder = dirname(path);
  const missing = await findMissing(value, folder, yaml);
  if (missing.length > 0) return { file, fault: 'tests', problems: missing };
  const config = value.config === undefined ? source.config : resolve(folder, value.config);
  const settings = await loadTestSettings(
    config,
    config === undefined ? 'remedyd.yml' : shown(config),
    remediations.remediations,
    source.environment,
  );
  if ('problems' in settings) return { file, fault: 'rules', problems: settings.problems };
  const { loaded } = settings;
  const ruleFiles = await readRuleFiles(value.rule_files.map((name) => resolve(folder, name)));
  const { ruleSet, problems } = loadRules(ruleFiles, loaded.ruleSettings);
  if (ruleSet === undefined) return { file, fault: 'rules', problems: problems.filter(({ severity }) => severity === 'error') };

  const found: Problem[] = [];
  const tests = value.tests.map((definition, index) =>
    compileTest(definition, {
      yaml,
      path: ['tests', index],
      report: (at, message, options) => void found.push(yaml.problem(at, message, options)),
      settings: loaded,
      groupBy: definition.group_by ?? value.group_by ?? ['alertname'],
      world: {
        rules: inMode(ruleSet, definition.mode ?? value.mode),
        remediations,
        limits: loaded.settings.limits,
        defaultChannel: loaded.defaultChannel,
        slackIds: slackIdsOf(loaded.settings.people),
      },
    }),
  );
  return hasErrors(found) ? { file, fault: 'tests', problems: sortProblems(found) } : { file, tests };
}

/** A name of a file that is not there is a mistake of the file that names it. */
async function findMissing(
  { config, rule_files: ruleFiles }: TestsFileDefinition,
  folder: string,
  yaml: YamlFile,
): Promise<readonly Problem[]> {
  const named = [
    ...(config === undefined ? [] : [{ name: config, path: ['config'] }]),
    ...ruleFiles.map((name, index) => ({ name, path: ['rule_files', index] })),
  ];
  const faults = await Promise.all(
    named.map(async ({ name, path }) => {
      try {
        await access(resolve(folder, name));
        return [];
      } catch (error) {
        const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
        return [yaml.problem(path, `${name} cannot be read (${code})`)];
      }
    }),
  );
  return faults.flat();
}

function inMode(rules: RuleSet, mode: RuleMode | undefined): RuleSet {
  return mode === undefined ? rules : new RulesInMode(rules, mode);
}

function slackIdsOf(people: ReadonlyMap<string, { readonly slack?: string }>): ReadonlyMap<string, string> {
  return new Map([...people].flatMap(([name, { slack }]) => (slack === undefined ? [] : [[name, slack] as const])));
}

function shown(path: string): string {
  const name = relative(process.cwd(), path);
  return name === '' || name.startsWith('..') ? path : name;
}
