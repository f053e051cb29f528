import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyRemediation } from '../../src/domain/remediation.ts';
import { remediations } from '../../src/remediations/index.ts';
import { formatResult } from '../../src/rule-tests/format-result.ts';
import { loadTestFile } from '../../src/rule-tests/load-test-file.ts';
import { runRuleTest, type TestResult } from '../../src/rule-tests/run-rule-test.ts';
import { formatProblem } from '../../src/schema/problem.ts';

/** Files by their names; the tests are in `rules.test.yml`. */
export type Files = Readonly<Record<string, string>>;

export interface Played {
  /** One line each, without the folder. */
  readonly problems: readonly string[];
  readonly results: readonly TestResult[];
  /** What went wrong, without times and folder; empty when all is well. */
  readonly failures: string;
}

/** Runs the tests of files, in a folder of their own. */
export async function play(files: Files, catalogue: ReadonlyMap<string, AnyRemediation> = remediations): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'remedyd-rule-tests-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return await playFile(join(folder, 'rules.test.yml'), catalogue, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs the tests of a file. */
export async function playFile(
  path: string,
  catalogue: ReadonlyMap<string, AnyRemediation> = remediations,
  folder = '',
): Promise<Played> {
  const loaded = await loadTestFile(path, { catalogue, environment: {} });
  const shown = (text: string): string => (folder === '' ? text : text.replaceAll(`${folder}/`, ''));
  if (loaded.fault !== undefined) {
    return { problems: loaded.problems.map(formatProblem).map(shown), results: [], failures: loaded.fault };
  }
  const results: TestResult[] = [];
  for (const test of loaded.tests) results.push(await runRuleTest(test));
  const failed = results.filter(({ failures }) => failures.length > 0);
  const failures = failed.map((result) => shown(formatResult(result)).replace(/, \d+ ms\)/, ')')).join('\n');
  return { problems: [], results, failures };
}
