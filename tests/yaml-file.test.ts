import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { load } from 'js-yaml';
import { formatProblem } from '../src/schema/problem.ts';
import { MAX_YAML_BYTES, parseYaml, readYamlFile } from '../src/schema/yaml-file.ts';
import type { YamlFile } from '../src/schema/yaml-file.ts';

const SCALARS = Number(process.env['YAML_SCALARS'] ?? 5_000);
const HOSTILE_FILES = Number(process.env['YAML_HOSTILE_FILES'] ?? 5_000);

function parsed(source: string): YamlFile {
  const result = parseYaml('rules.yml', source);
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.yaml;
}

function problemsOf(content: string | Uint8Array): readonly string[] {
  const result = parseYaml('rules.yml', content);
  return 'problems' in result ? result.problems.map(formatProblem) : [];
}

describe('places', () => {
  const yaml = parsed('a: 1\nlist:\n  - x\n  - { deep: [true, "q"] }\nempty:\nalias: &n { k: v }\nuse: *n\n');

  test.each([
    [['a'], { line: 1, column: 4 }, { line: 1, column: 1 }],
    [['list'], { line: 3, column: 3 }, { line: 2, column: 1 }],
    [['list', 0], { line: 3, column: 5 }, { line: 3, column: 5 }],
    [['list', 1, 'deep', 1], { line: 4, column: 21 }, { line: 4, column: 21 }],
    [['empty'], { line: 5, column: 1 }, { line: 5, column: 1 }],
    [['use'], { line: 7, column: 6 }, { line: 7, column: 1 }],
    [[], { line: 1, column: 1 }, { line: 1, column: 1 }],
  ])('of %j: value %j, key %j', (path, value, key) => {
    expect(yaml.placeOf(path)).toEqual(value);
    expect(yaml.placeOfKey(path)).toEqual(key);
  });

  test('what is not written is placed at the nearest thing around it, and what an alias stands for at the alias', () => {
    expect(yaml.placeOf(['a', 'missing'])).toEqual({ line: 1, column: 1 });
    expect(yaml.placeOf(['use', 'k'])).toEqual(yaml.placeOfKey(['use']));
  });

  test('inside texts of every style', () => {
    const styles = parsed(
      [
        'plain: one two',
        "single: 'it''s here'",
        'double: "a\\tb \\u00e4x"',
        'literal: |',
        '  first',
        '   second',
        'folded: >-',
        '  fold',
        '  ed',
        '',
        '  end',
        'lines: one',
        '  two',
        '',
      ].join('\n'),
    );
    expect(styles.placeInside(['plain'], 4)).toEqual({ line: 1, column: 12 });
    expect(styles.placeInside(['single'], 5)).toEqual({ line: 2, column: 16 });
    expect(styles.placeInside(['double'], 5)).toEqual({ line: 3, column: 21 });
    expect(styles.placeInside(['literal'], 7)).toEqual({ line: 6, column: 4 });
    expect(styles.placeInside(['folded'], 5)).toEqual({ line: 9, column: 3 });
    expect(styles.placeInside(['folded'], 8)).toEqual({ line: 11, column: 3 });
    expect(styles.placeInside(['lines'], 4)).toEqual({ line: 13, column: 3 });
  });

  test(`${SCALARS} generated texts: every visible character is found where it stands`, () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'x', "'", '"', '\\', 'ä', '🙂'), minLength: 1, maxLength: 4 });
    const line = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => `w${words.join(' ')}`);
    const text = fc
      .array(fc.oneof(line, fc.constant('')), { minLength: 1, maxLength: 5 })
      .map((lines) => `s${lines.join('\n')}e`);
    const styled = fc.record({
      text,
      style: fc.constantFrom('double', 'single', 'literal', 'folded', 'plain'),
      newline: fc.constantFrom('\n', '\r\n'),
    });
    fc.assert(
      fc.property(styled, ({ text: content, style, newline }) => {
        const source = `key:\n  inner: ${write(content, style)}\nnext: 1\n`.replaceAll('\n', newline);
        const decoded = (load(source) as { key: { inner: string } }).key.inner;
        const yaml = parsed(source);
        const lines = source.split(newline);
        for (const [index, character] of Array.from(decoded).entries()) {
          if (/[\s'"\\]/.test(character)) continue;
          const offset = Array.from(decoded).slice(0, index).join('').length;
          const { line, column } = yaml.placeInside(['key', 'inner'], offset);
          expect(lines[line - 1]?.slice(column - 1)).toMatch(new RegExp(`^(?:${character}|\\\\[uU])`, 'u'));
        }
      }),
      { numRuns: SCALARS },
    );
  });
});

/** A text written in one of YAML's styles; folding may change its white space. */
function write(text: string, style: string): string {
  const indent = (content: string): string => content.replaceAll(/\n(?!\n|$)/g, '\n    ');
  switch (style) {
    case 'double':
      return `"${indent(text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('🙂', '\\U0001F642').replaceAll('ä', '\\u00e4'))}"`;
    case 'single':
      return `'${indent(text.replaceAll("'", "''"))}'`;
    case 'literal':
      return `|-\n    ${indent(text)}`;
    case 'folded':
      return `>-\n    ${indent(text)}`;
    default:
      return indent(text);
  }
}

describe('values', () => {
  test('mappings have no prototype, and the names of object members are keys like others', () => {
    const value = parsed('constructor: 1\ntoString: { hasOwnProperty: 2 }\n').value as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.entries(value)).toEqual([
      ['constructor', 1],
      ['toString', { hasOwnProperty: 2 }],
    ]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each(['', '\n', '# nothing\n', '---\n', '\ufeff'])('%j is an empty file', (source) => {
    expect(parsed(source).value).toBeNull();
  });

  test('a byte order mark does not shift places', () => {
    const result = parseYaml('f', Buffer.from('\ufeffkey: x\n'));
    expect('yaml' in result && result.yaml.placeOf(['key'])).toEqual({ line: 1, column: 6 });
  });

  test('words of older YAML are texts, and octal numbers need their prefix', () => {
    expect(parsed('[yes, off, on, 0o10, 1:30, 2026-01-01]').value).toEqual(['yes', 'off', 'on', 8, '1:30', '2026-01-01']);
  });
});

describe('each of these is one clear problem', () => {
  test.each([
    ['a duplicate key', 'a: 1\nb:\n  c: 1\n  c: 2\n', "rules.yml:4:3: error: the key 'c' stands twice in one mapping"],
    ['a tab', 'a:\n\tb: 1', 'rules.yml:2:1: error: not valid YAML: tab characters must not be used in indentation'],
    ['a second document', 'a: 1\n---\nb: 2', 'rules.yml:2:1: error: a second document starts here; a file holds one'],
    ['a merge key', 'a: &x {b: 1}\nc: {<<: *x}', 'rules.yml:2:5: error: merge keys (<<) are not supported; write the values out'],
    [
      'a leading zero',
      'a: 012',
      'rules.yml:1:4: error: a number with a leading zero reads differently everywhere; drop the zero, or put it in quotes',
    ],
    ['an infinite number', 'a: .inf', 'rules.yml:1:4: error: not a finite number; put a text in quotes'],
    [
      'a number that is too long',
      'a: 12345678901234567890',
      'rules.yml:1:4: error: a number with so many digits loses some; put it in quotes',
    ],
    ['a tag', 'a: !!js/function x', 'rules.yml:1:4: error: tags are not supported; put a text that starts with ! in quotes'],
    ['an unknown alias', 'password: *hunter2', 'rules.yml:1:12: error: unknown alias; put a text that starts with * in quotes'],
    ['an endless alias', 'a: &a [*a]', 'rules.yml:1:8: error: an alias stands inside the value it stands for'],
    ['a key called __proto__', '__proto__: {x: 1}', "rules.yml:1:1: error: a key cannot be called '__proto__'"],
    ['a key that is a list', '? [a]\n: b', 'rules.yml:1:1: error: not valid YAML: a key is a single text'],
    ['a NUL', 'a: \0', 'rules.yml:1:4: error: not valid YAML: null byte is not allowed in input'],
    ['other encodings', Buffer.from([0x61, 0x3a, 0x20, 0xff]), 'rules.yml:1:1: error: the file is not UTF-8 text'],
    ['deep nesting', '['.repeat(200_000), 'rules.yml:1:64: error: nested deeper than 64 levels'],
    [
      'a huge text',
      `a: "${'x'.repeat(10_000_000)}"`,
      `rules.yml:1:1: error: the file has 10000005 bytes; at most ${MAX_YAML_BYTES} are read`,
    ],
    ['too many values', '- \n'.repeat(1_300_000), 'error: more than 500000 values in one file; split it'],
    ['an alias bomb', aliasBomb(9), 'error: aliases repeat too much; write the values out'],
    ['a chain of aliases', aliasChain(10_000), 'error: aliases repeat too much; write the values out'],
  ])('%s', (_, source, expected) => {
    const problems = problemsOf(source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test('all of a file at once, except that only the first syntax error is known', () => {
    expect(problemsOf('a: 01\nb: !x 1\n__proto__: 1\n')).toHaveLength(3);
  });
});

function aliasBomb(levels: number): string {
  let source = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n';
  for (let level = 1; level <= levels; level += 1)
    source += `a${level}: &a${level} [${Array<string>(9)
      .fill(`*a${level - 1}`)
      .join(', ')}]\n`;
  return source;
}

function aliasChain(links: number): string {
  let source = 'a0: &a0 [x]\n';
  for (let link = 1; link <= links; link += 1) source += `a${link}: &a${link} [*a${link - 1}]\n`;
  return source;
}

describe('files', () => {
  test('one that is missing, or is a directory, is a problem', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'remedyd-yaml-'));
    try {
      await writeFile(join(directory, 'a.yml'), 'a: 1\n');
      expect(await readYamlFile(join(directory, 'a.yml'))).toMatchObject({ yaml: { value: { a: 1 } } });
      expect(await readYamlFile(join(directory, 'b.yml'), 'b.yml')).toMatchObject({
        problems: [{ file: 'b.yml', message: 'cannot be read (ENOENT)' }],
      });
      expect(await readYamlFile(directory, 'd')).toMatchObject({ problems: [{ message: 'cannot be read (EISDIR)' }] });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

test(`${HOSTILE_FILES} hostile files: a value or problems, never an exception`, () => {
  const piece = fc.constantFrom(
    'a',
    'b: ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '|',
    '>',
    '&a ',
    '*a',
    '!!str ',
    '#',
    '---\n',
    '? ',
    ': ',
    '\t',
    '012',
    '<<: ',
    '%YAML 1.2\n',
    '\\',
    '🙂',
    '...\n',
  );
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(hostile, (content) => {
      const result = parseYaml('f.yml', content);
      if ('problems' in result) {
        expect(result.problems.length).toBeGreaterThan(0);
        for (const problem of result.problems) {
          expect(formatProblem(problem)).toMatch(/^f\.yml:[1-9]\d*:[1-9]\d*: error: [^\n\r]+$/);
        }
      }
    }),
    { numRuns: HOSTILE_FILES },
  );
});
