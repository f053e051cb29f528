import type { LoadedTestFile } from './load-test-file.ts';
import { formatFailure } from './format-result.ts';
import type { TestResult } from './run-rule-test.ts';
import { formatProblem } from '../schema/problem.ts';

/** The results of a file, or why it has none. */
export interface FileResult {
  readonly loaded: LoadedTestFile;
  readonly results: readonly TestResult[];
}

/** The results as JUnit XML, for the systems that build and test: a suite for each file; a file that is broken is an error in it. */
export function formatJunit(files: readonly FileResult[]): string {
  const suites = files.map(formatSuite);
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="remedyd">', ...suites, '</testsuites>', ''].join('\n');
}

function formatSuite({ loaded, results }: FileResult): string {
  const { file } = loaded;
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const isBroken = loaded.fault !== undefined;
  const seconds = results.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1_000;
  const counts = `tests="${isBroken ? 1 : results.length}" failures="${failed}" errors="${isBroken ? 1 : 0}" time="${seconds.toFixed(3)}"`;
  const cases = isBroken
    ? [formatBroken(file, loaded.problems.map(formatProblem).join('\n'))]
    : results.map((each) => formatCase(file, each));
  return [`  <testsuite name="${attribute(file)}" ${counts}>`, ...cases, '  </testsuite>'].join('\n');
}

function formatCase(file: string, { test, failures, tookMs }: TestResult): string {
  const head = `    <testcase classname="${attribute(file)}" name="${attribute(test.name)}" file="${attribute(file)}" line="${test.place.line}" time="${(tookMs / 1_000).toFixed(3)}"`;
  if (failures.length === 0) return `${head}/>`;
  const text = failures.map((failure) => formatFailure(failure, test)).join('\n');
  const [first = ''] = text.trimStart().split('\n');
  return [`${head}>`, `      <failure message="${attribute(first)}">${content(text)}</failure>`, '    </testcase>'].join('\n');
}

function formatBroken(file: string, text: string): string {
  const [first = ''] = text.split('\n');
  return [
    `    <testcase classname="${attribute(file)}" name="${attribute(file)}">`,
    `      <error message="${attribute(first)}">${content(text)}</error>`,
    '    </testcase>',
  ].join('\n');
}

function attribute(text: string): string {
  return content(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;');
}

/** XML 1.0 has no way to write most control characters. */
function content(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
