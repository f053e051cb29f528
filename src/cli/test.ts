import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Environment } from '../config/environment.ts';
import { compileSearch, PatternError } from '../domain/pattern.ts';
import { remediations } from '../remediations/index.ts';
import { findTestFiles } from '../rule-tests/find-test-files.ts';
import { formatResult } from '../rule-tests/format-result.ts';
import { formatJunit, type FileResult } from '../rule-tests/junit.ts';
import { loadTestFile, type LoadedTestFile } from '../rule-tests/load-test-file.ts';
import { resultsToJson } from '../rule-tests/results-to-json.ts';
import { runRuleTest, type TestResult } from '../rule-tests/run-rule-test.ts';
import { formatProblem } from '../schema/problem.ts';
import { CliError } from './cli-error.ts';

export interface TestOptions {
  readonly config?: string;
  readonly filter?: string;
  readonly junit?: string;
  readonly json?: boolean;
}

/** Where tests are looked for when nothing is said. */
const DEFAULT_PATH = 'rules';

/** Runs rule tests. Returns the exit status: 1 when one fails or rules have errors, 2 when there are none or their file is broken. */
export async function testRules(
  paths: readonly string[],
  options: TestOptions,
  environment: Environment,
  print: (text: string) => void,
): Promise<number> {
  const { config, filter, junit } = options;
  const isWanted = filter === undefined ? () => true : compileFilter(filter);
  const found = await findAll(paths.length === 0 ? [DEFAULT_PATH] : paths);
  const say = options.json === true ? () => undefined : print;
  const files: FileResult[] = [];
  for (const path of found) {
    const loaded = await loadTestFile(path, { catalogue: remediations, environment, config });
    files.push({ loaded, results: await runFile(loaded, isWanted, say) });
  }
  if (junit !== undefined) await write(junit, formatJunit(files));
  const results = files.flatMap((file) => file.results);
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const isBroken = files.some(({ loaded }) => loaded.fault === 'tests');
  const hasBadRules = files.some(({ loaded }) => loaded.fault === 'rules');
  if (options.json === true) print(JSON.stringify(resultsToJson(files), null, 2));
  else print(`${results.length - failed} passed, ${failed} failed`);
  if (isBroken) return 2;
  if (results.length === 0 && !hasBadRules)
    throw new CliError(2, filter === undefined ? 'there are no tests in these files' : `no test has ${filter} in its name`);
  return failed > 0 || hasBadRules ? 1 : 0;
}

async function runFile(
  loaded: LoadedTestFile,
  isWanted: (name: string) => boolean,
  say: (text: string) => void,
): Promise<readonly TestResult[]> {
  if (loaded.fault !== undefined) {
    for (const problem of loaded.problems) say(formatProblem(problem));
    return [];
  }
  const results: TestResult[] = [];
  for (const test of loaded.tests) {
    if (!isWanted(test.name)) continue;
    const result = await runRuleTest(test);
    say(formatResult(result));
    results.push(result);
  }
  return results;
}

async function findAll(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const files = await findTestFiles(path).catch((error: unknown) => {
      throw new CliError(2, `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (files.length === 0) throw new CliError(2, `${path} has no tests: they are in files that end in .test.yml`);
    found.push(...files);
  }
  return [...new Set(found)];
}

/** A part of the names, or between slashes a regular expression (RE2) for one. */
function compileFilter(filter: string): (name: string) => boolean {
  const expression = /^\/(.+)\/$/s.exec(filter)?.[1];
  if (expression === undefined) return (name) => name.includes(filter);
  try {
    const search = compileSearch(expression);
    return (name) => search.isIn(name);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new CliError(2, `--filter ${filter}: ${error.message}`);
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(resolve(file), text);
  } catch (error) {
    throw new CliError(2, `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
