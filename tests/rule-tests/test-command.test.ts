import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError } from '../../src/cli/cli-error.ts';
import { testRules, type TestOptions } from '../../src/cli/test.ts';
import { codeBlocksOf } from '../support/markdown.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/testing-rules.md'), 'utf8');
const folder = createTemporaryDirectory('test-command');

beforeAll(() => {
  for (const { language, text } of codeBlocksOf(PAGE)) {
    const name = language === 'yaml' ? /^# (\S+)\n/.exec(text)?.[1] : undefined;
    if (name !== undefined) writeTo(name, text);
  }
});

afterAll(() => folder.remove());

function writeTo(name: string, text: string): string {
  const path = join(folder.path, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Runs the command on paths in the folder; what it prints is without folder and times. */
async function run(path: string, options: TestOptions = {}): Promise<{ readonly status: number; readonly printed: string }> {
  const lines: string[] = [];
  const status = await testRules([join(folder.path, path)], options, {}, (text) => void lines.push(text));
  return { status, printed: withoutTimes(lines.join('\n')).replaceAll(`${folder.path}/`, '') };
}

function withoutTimes(text: string): string {
  return text.replaceAll(/\d+ ms\)/g, 'N ms)');
}

test('the example of the documentation prints what it says', async () => {
  const { status, printed } = await run('tests');
  expect(status).toBe(0);
  expect(PAGE.replaceAll(/\d+ ms\)/g, 'N ms)')).toContain(printed);
});

test('a failure prints what the documentation says, and the status is 1', async () => {
  const example = readFileSync(join(folder.path, 'tests/orders.test.yml'), 'utf8');
  writeTo('failing/orders.test.yml', example.replace('run: verified, not', 'run: ineffective, not'));
  const { status, printed } = await run('failing', { filter: 'idle' });
  expect(status).toBe(1);
  const story = printed.replaceAll('failing/', 'tests/').split('\n');
  expect(withoutTimes(PAGE)).toContain(story.filter((line) => !/^ +step +0:/.test(line) && !line.includes('passed,')).join('\n'));
  expect(story.at(-1)).toBe('0 passed, 1 failed');
});

test('a filter is a part of the name, or a regular expression between slashes', async () => {
  expect((await run('tests', { filter: 'month' })).printed).toMatch(/^ok {3}the report .*\n1 passed, 0 failed$/);
  expect((await run('tests', { filter: '/^the (pool|report) /' })).printed).toContain('2 passed, 0 failed');
  await expect(run('tests', { filter: 'nothing' })).rejects.toThrow(new CliError(2, 'no test has nothing in its name'));
  await expect(run('tests', { filter: '/(/' })).rejects.toThrow('--filter /(/: not a regular expression (RE2)');
});

test('paths without tests are wrong usage', async () => {
  await expect(run('rules')).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('has no tests') as unknown });
  await expect(run('gone')).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('cannot be read') as unknown });
});

test('a broken file of tests is wrong usage, and the others are run', async () => {
  writeTo('broken/a.test.yml', 'rule_files: [../rules/orders.yml]\ntests: [{ name: it, expects: [] }]\n');
  writeTo('broken/b.test.yml', readFileSync(join(folder.path, 'tests/orders.test.yml'), 'utf8'));
  const { status, printed } = await run('broken', { filter: 'month' });
  expect(status).toBe(2);
  expect(printed).toContain("broken/a.test.yml:2:21: error: unknown key 'expects', did you mean 'expect'?");
  expect(printed).toContain('1 passed, 0 failed');
});

test('rules with errors cannot be tested: the status is 1, as of check', async () => {
  writeTo('bad/rules.yml', 'rules: [{ name: it, matcher: [] }]\n');
  writeTo('bad/a.test.yml', 'rule_files: [rules.yml]\ntests: [{ name: it, expect: [{ at: 0s, run: none }] }]\n');
  const { status, printed } = await run('bad');
  expect(status).toBe(1);
  expect(printed).toContain("bad/rules.yml:1:21: error: unknown key 'matcher', did you mean 'matchers'?");
});

test('the name of a test is shown on one line', async () => {
  writeTo(
    'lines/a.test.yml',
    'rule_files: [../rules/orders.yml]\ntests: [{ name: "one\\n9 passed, 0 failed", expect: [{ at: 0s, run: none }] }]\n',
  );
  expect((await run('lines')).printed.split('\n')).toEqual([expect.stringContaining('ok   one 9 passed'), '1 passed, 0 failed']);
});

test('JSON says everything, and nothing else is printed', async () => {
  const { status, printed } = await run('failing', { json: true });
  const shape = z.object({
    passed: z.literal(2),
    failed: z.literal(1),
    files: z.array(
      z.object({ file: z.string(), problems: z.array(z.never()), tests: z.array(z.looseObject({ ok: z.boolean() })) }),
    ),
  });
  const { files } = shape.parse(JSON.parse(printed));
  expect(status).toBe(1);
  expect(files[0]?.tests[0]).toMatchObject({
    line: 4,
    failures: [
      { line: 13, column: 9, at_ms: 270_000, differences: [{ key: 'run', expected: 'ineffective', actual: 'verified' }] },
    ],
  });
});

test('JUnit XML has a suite for each file, with failures and broken files', async () => {
  const junit = join(folder.path, 'junit.xml');
  await run('failing', { junit });
  const failing = readFileSync(junit, 'utf8');
  expect(failing).toMatch(/<testsuite name="[^"]*orders\.test\.yml" tests="3" failures="1" errors="0" time="[\d.]+">/);
  expect(failing).toContain('name="idle sessions are ended, and their alert\'s end is waited for"');
  expect(failing).toMatch(/<failure message="[^"]*13:9: at 4m30s, orders-connections-exhausted">/);
  await run('broken', { junit, filter: 'month' });
  expect(readFileSync(junit, 'utf8')).toMatch(/tests="1" failures="0" errors="1"[^]*<error message="[^"]*'expect' is missing/);
  await expect(run('tests', { junit: folder.path })).rejects.toMatchObject({ exitCode: 2 });
});
