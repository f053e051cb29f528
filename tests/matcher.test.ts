import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { copyLabels } from '../src/domain/alert.ts';
import { MatcherError, MATCH_OPERATORS, Matcher, matchesAll, parseMatcher, parseMatchers } from '../src/domain/matcher.ts';
import type { MatchOperator } from '../src/domain/matcher.ts';
import { matchesPattern } from '../src/domain/pattern.ts';
import { labelsOf } from './support/labels-of.ts';

const PAIRS = Number(process.env['MATCHER_PAIRS'] ?? 200_000);
const TEXTS = Number(process.env['MATCHER_TEXTS'] ?? 20_000);

type Example = readonly [text: string, ...expected: Triple[]];
type Triple = readonly [name: string, op: MatchOperator, value: string];
const triples = (text: string): Triple[] => parseMatchers(text).map((matcher) => [matcher.name, matcher.op, matcher.value]);

describe('the classic syntax', () => {
  const accepted: readonly Example[] = [
    [''],
    ['{}'],
    ["{foo='}", ['foo', '=', "'"]],
    ['{foo=`}', ['foo', '=', '`']],
    ['{foo=\\"}', ['foo', '=', '"']],
    ['{foo=bar}', ['foo', '=', 'bar']],
    ['{foo="bar"}', ['foo', '=', 'bar']],
    ['{foo=~bar.*}', ['foo', '=~', 'bar.*']],
    ['{foo=~"bar.*"}', ['foo', '=~', 'bar.*']],
    ['{foo!=bar}', ['foo', '!=', 'bar']],
    ['{foo!="bar"}', ['foo', '!=', 'bar']],
    ['{foo!~bar.*}', ['foo', '!~', 'bar.*']],
    ['{foo!~"bar.*"}', ['foo', '!~', 'bar.*']],
    ['{foo="bar", baz!="quux"}', ['foo', '=', 'bar'], ['baz', '!=', 'quux']],
    ['{foo="bar",baz!~".*quux", derp="wat"}', ['foo', '=', 'bar'], ['baz', '!~', '.*quux'], ['derp', '=', 'wat']],
    ['{foo=""}', ['foo', '=', '']],
    ['{foo="bar,quux", job="job1"}', ['foo', '=', 'bar,quux'], ['job', '=', 'job1']],
    ['{foo = "bar", dings != "bums", }', ['foo', '=', 'bar'], ['dings', '!=', 'bums']],
    ['foo=bar,dings!=bums', ['foo', '=', 'bar'], ['dings', '!=', 'bums']],
    ['{quote="She said: \\"Hi, ladies! …\\""}', ['quote', '=', 'She said: "Hi, ladies! …"']],
    ['statuscode=~"5.."', ['statuscode', '=~', '5..']],
    ['tricky=~~~', ['tricky', '=~', '~~']],
    ['trickier==\\\\=\\=\\"', ['trickier', '=', '=\\=\\="']],
    [
      'contains_quote != "\\"" , contains_comma !~ "foo,bar" , ',
      ['contains_quote', '!=', '"'],
      ['contains_comma', '!~', 'foo,bar'],
    ],
    ['{foo=bar}}', ['foo', '=', 'bar}']],
    ['{foo=,bar=}}', ['foo', '=', ''], ['bar', '=', '}']],
    ['{foo=bar\\t}', ['foo', '=', 'bar\\t']],
    ['{foo=bar\\n}', ['foo', '=', 'bar\n']],
    ['{foo=bar\\}', ['foo', '=', 'bar\\']],
    ['{foo=bar\\\\}', ['foo', '=', 'bar\\']],
    ['{foo=bar\\"}', ['foo', '=', 'bar"']],
    ['job=', ['job', '=', '']],
    ['{foo=', ['foo', '=', '']],
    ['{foo=}b', ['foo', '=', '}b']],
    ['foo==bar', ['foo', '=', '=bar']],
    ['foo=a\\b', ['foo', '=', 'a\\b']],
    ['foo=~"a\\.b"', ['foo', '=~', 'a\\.b']],
    ['__proto__=bar', ['__proto__', '=', 'bar']],
    ['toString=""', ['toString', '=', '']],
    ['foo="a\\,"', ['foo', '=', 'a\\,']],
    [' \tfoo \n=~ \r\nbar \t', ['foo', '=~', 'bar']],
    ['foo=bar\u00a0,baz=x', ['foo', '=', 'bar\u00a0'], ['baz', '=', 'x']],
    ['foo=bar\u00a0', ['foo', '=', 'bar']],
    ['ns:job="a b"', ['ns:job', '=', 'a b']],
  ];
  test.each(accepted.map(([text, ...expected]) => ({ text, expected })))('$text', ({ text, expected }) => {
    expect(triples(text)).toEqual(expected);
  });

  const refused = [
    [',', 1],
    ['{,}', 2],
    ['job="value', 5],
    ['job=value"', 10],
    ['trickier==\\\\=\\=\\""', 11],
    ['contains_unescaped_quote = foo"bar', 31],
    ['foo!bar', 4],
    ['{invalid name = "valid label"}', 10],
    ['{foo=~"invalid[regexp"}', 7],
    ['foo=~"(?=a)a"', 6],
    ['foo=~"(a)\\1"', 6],
    ['foo=~"a{1001}"', 6],
    ['foo="bar" # c', 11],
    ['"{foo=\\"bar"}', 13],
    ['"foo="bar""', 7],
    ['{{foo=', 2],
    ['=bar', 1],
    ['foo', 4],
  ] as const;
  test.each(refused)('%s is refused at column %d', (text, column) => {
    const error = errorOf(() => parseMatchers(text));
    expect(error).toBeInstanceOf(MatcherError);
    expect((error as MatcherError).column).toBe(column);
    expect((error as MatcherError).message).not.toContain('\n');
  });
});

describe('the UTF-8 syntax', () => {
  const accepted: readonly Example[] = [
    ['{foo=🙂}', ['foo', '=', '🙂']],
    ['{foo🙂=bar,bar=baz🙂}', ['foo🙂', '=', 'bar'], ['bar', '=', 'baz🙂']],
    ['"foo"="bar"', ['foo', '=', 'bar']],
    ['{"foo"!="bar",}', ['foo', '!=', 'bar']],
    ['{"foo"=~"\\\\d+"}', ['foo', '=~', '\\d+']],
    ['{"foo"="\\xf0\\x9f\\x99\\x82"}', ['foo', '=', '🙂']],
    ['{"foo"="\\U0001f642"}', ['foo', '=', '🙂']],
    ['{"foo"="bar\\t"}', ['foo', '=', 'bar\t']],
    ['{"foo"="\\"bar\\""}', ['foo', '=', '"bar"']],
    ['{name-with-dashes = "bar"}', ['name-with-dashes', '=', 'bar']],
    ['"foo bar"="baz"', ['foo bar', '=', 'baz']],
    ['""="x"', ['', '=', 'x']],
  ];
  test.each(accepted.map(([text, ...expected]) => ({ text, expected })))('$text', ({ text, expected }) => {
    expect(triples(text)).toEqual(expected);
  });

  test.each([
    ['"foo"="bar\\w"', 7],
    ['"foo"=~"\\d+"', 8],
    ['"foo"="\\xf0\\x9f"', 7],
    ['"foo"="\\ud800"', 7],
    ['"foo"="\\400"', 7],
    ['{"foo"="bar"', 13],
    ['"foo"="bar"}', 12],
    ['{"foo"=:"bar"}', 9],
    ['"foo"="bar', 7],
    ['"foo"!"bar"', 6],
    ["'foo'=bar", 1],
  ])('%s is refused at column %d', (text, column) => {
    expect((errorOf(() => parseMatchers(text)) as MatcherError).column).toBe(column);
  });

  test('counts only where the classic syntax does not: the escapes of classic values stay as they are', () => {
    expect(triples('foo="\\xf0\\x9f\\x99\\x82"')).toEqual([['foo', '=', '\\xf0\\x9f\\x99\\x82']]);
    expect(triples('{foo=!bar,bar=$baz\\n}')).toEqual([
      ['foo', '=', '!bar'],
      ['bar', '=', '$baz\n'],
    ]);
  });
});

describe('a single matcher', () => {
  test('takes commas and closing braces as part of a value, but no braces around it', () => {
    expect(parseMatcher('foo=a,b=c').value).toBe('a,b=c');
    expect(errorOf(() => parseMatcher('{foo=bar}'))).toMatchObject({ column: 1 });
    expect(errorOf(() => parseMatcher('foo=bar}'))).toMatchObject({ column: 8 });
  });

  test.each(['', '"a"="b","c"="d"', ','])('%p is refused', (text) => {
    expect(errorOf(() => parseMatcher(text))).toBeInstanceOf(MatcherError);
  });
});

describe('matching', () => {
  test.each<readonly [op: MatchOperator, value: string, label: string, matches: boolean]>([
    ['=', 'bar', 'bar', true],
    ['=', 'bar', 'foo-bar', false],
    ['!=', 'bar', 'bar', false],
    ['!=', 'bar', 'foo-bar', true],
    ['=~', 'bar', 'bar', true],
    ['=~', 'bar', 'foo-bar', false],
    ['=~', '.*bar', 'foo-bar', true],
    ['!~', 'bar', 'bar', false],
    ['!~', 'bar', 'foo-bar', true],
    ['!~', '.*bar', 'foo-bar', false],
    ['=~', 'foo.bar', 'foo-bar', true],
    ['=~', 'foo\\.bar', 'foo-bar', false],
    ['=~', 'foo\\.bar', 'foo.bar', true],
    ['=', 'foo\nbar', 'foo\nbar', true],
    ['=~', 'foo.bar', 'foo\nbar', false],
    ['=~', '.*', 'a\n', false],
    ['=~', '(?s)foo.bar', 'foo\nbar', true],
    ['=~', 'a|b', 'ab', false],
    ['=~', 'foo|', '', true],
    ['=~', '(?i)BAR', 'bar', true],
    ['=~', '\\pL+', 'äß', true],
    ['=~', 'a)|(?:b', 'a and more', true],
    ['=', '~!="', '~!="', true],
  ])('%s %p on %p: %p', (op, value, label, matches) => {
    expect(new Matcher('foo', op, value).matches(labelsOf({ foo: label }))).toBe(matches);
  });

  test.each([
    ['foo=""', true],
    ['foo!="x"', true],
    ['foo=~".*"', true],
    ['foo!~"x"', true],
    ['foo="x"', false],
    ['foo=~".+"', false],
    ['foo!=""', false],
  ])('%s on an alert without the label: %p', (text, matches) => {
    const matcher = parseMatcher(text);
    expect([matcher.matches(labelsOf({})), matcher.matchesEmpty]).toEqual([matches, matches]);
  });

  test('labels with the names of object members are data', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const own = JSON.parse(`{"${name}":"bar"}`) as Record<string, string>;
      expect(parseMatcher(`${name}=bar`).matches(copyLabels(own))).toBe(true);
      expect(parseMatcher(`${name}=bar`).matches(own)).toBe(true);
      expect(parseMatcher(`${name}=""`).matches({})).toBe(true);
    }
  });

  test.each([
    ['foo', '=', 'bar', 'foo="bar"'],
    ['foo', '!~', 'back\\slash', 'foo!~"back\\\\slash"'],
    ['foo', '=', 'double"quote', 'foo="double\\"quote"'],
    ['foo', '=', 'new\nline', 'foo="new\\nline"'],
    ['foo', '=', 'tab\tstop', 'foo="tab\tstop"'],
    ['foo!', '!=', 'bar', '"foo!"!="bar"'],
    ['foo🙂', '=', 'bar', 'foo🙂="bar"'],
    ['foo bar', '=', 'baz', '"foo bar"="baz"'],
  ] as const)('%s %s %p prints as %s', (name, op, value, text) => {
    expect(new Matcher(name, op, value).toString()).toBe(text);
  });
});

describe('limits', () => {
  test('patterns that would take long to compile or to match are refused, or take no time', () => {
    for (const pattern of [
      'a{1000}'.repeat(500),
      '\\pL{999}{999}',
      '('.repeat(2_000) + ')'.repeat(2_000),
      'x'.repeat(5_000),
      '\\pL{900}\\pL{900}',
    ]) {
      expect(errorOf(() => parseMatchers(`foo=~"${pattern}"`))).toBeInstanceOf(MatcherError);
    }
    expect(parseMatcher('foo=~"(a*)*b"').matches(labelsOf({ foo: 'a'.repeat(100_000) }))).toBe(false);
  });

  test('a matcher of a megabyte is refused', () => {
    expect(errorOf(() => parseMatchers(`foo=${'x'.repeat(1_000_000)}`))).toMatchObject({ code: 'invalid_matcher' });
  });
});

describe('properties', () => {
  const letters = fc.constantFrom(
    'a',
    'b',
    'ab',
    '.',
    '*',
    '+',
    '|',
    '(',
    ')',
    '[ab]',
    '\n',
    '"',
    '\\',
    ',',
    ' ',
    '{',
    '}',
    '=',
    '~',
    '!',
    '#',
    '🙂',
    'é',
    '\u2028',
    '',
  );
  const text = fc.array(letters, { maxLength: 8 }).map((parts) => parts.join(''));
  const name = fc.constantFrom('a', 'b', 'foo', '__proto__', 'constructor', 'toString', 'a.b', 'x y');

  test(`${PAIRS} matchers agree with an independent reading of the documentation`, () => {
    const simplePattern = fc
      .array(fc.constantFrom('a', 'b', '.', 'a*', '.*', '(?:ab)+', 'b?', 'a|b', '\\.', '[^a]'), { maxLength: 4 })
      .map((parts) => parts.join(''));
    const subject = fc.array(fc.constantFrom('a', 'b', '.', '\n', '🙂'), { maxLength: 5 }).map((parts) => parts.join(''));
    const labelSet = fc.uniqueArray(fc.tuple(name, subject), { selector: ([key]) => key, maxLength: 4 });
    const operator = fc.constantFrom(...MATCH_OPERATORS);
    fc.assert(
      fc.property(name, operator, simplePattern, labelSet, (label, op, value, entries) => {
        const labels = labelsOf(Object.fromEntries(entries));
        const expected = reference(label, op, value, entries);
        const matcher = new Matcher(label, op, value);
        return matcher.matches(labels) === expected && matchesAll(parseMatchers(matcher.toString()), labels) === expected;
      }),
      { numRuns: PAIRS },
    );
  });

  test('whatever it prints, it reads back', () => {
    fc.assert(
      fc.property(fc.oneof(name, text), fc.constantFrom('=' as const, '!=' as const), text, (label, op, value) => {
        expect(triples(new Matcher(label, op, value).toString())).toEqual([[label, op, value]]);
      }),
      { numRuns: TEXTS },
    );
  });

  test(`${TEXTS} hostile texts: matchers, or a MatcherError with a place inside the text`, () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.array(fc.oneof(letters, fc.constantFrom('foo', '=~', '!~', '"')), { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(hostile, (input) => {
        for (const parse of [parseMatchers, parseMatcher]) {
          const error = errorOf(() => parse(input));
          if (error === undefined) continue;
          expect(error).toBeInstanceOf(MatcherError);
          const { column, message } = error as MatcherError;
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual(input.length + 1);
          expect(message).not.toMatch(/[\r\n]/);
        }
      }),
      { numRuns: TEXTS },
    );
  });
});

describe('amtool as the oracle for the classic syntax', () => {
  const amtool = spawnSync('amtool', ['--version']).status === 0;
  const inCi = process.env['CI'] !== undefined;
  (amtool || inCi ? test : test.skip)(
    'says the same of every combination (needs amtool: apt-get install prometheus-alertmanager)',
    () => {
      const directory = mkdtempSync(join(tmpdir(), 'remedyd-amtool-'));
      try {
        const file = join(directory, 'alertmanager.yml');
        for (const matcher of [
          'foo=""',
          'foo==bar',
          'foo=~~',
          'foo=a\\b',
          'foo=~"a\\.b"',
          'foo=~".*"',
          'foo!~"b.+"',
          'foo=~a|b',
          '{foo=bar',
          'foo=bar}',
          '',
          '{}',
          'foo=~"a)|(?:b"',
        ]) {
          writeFileSync(file, alertmanagerConfig(matcher));
          for (const value of ['bar', '=bar', '~', 'a\\b', 'a.b', 'a', 'b', 'ab', 'x']) {
            const answer = spawnSync(
              'amtool',
              ['config', 'routes', 'test', `--config.file=${file}`, `foo="${value.replaceAll('\\', '\\\\')}"`],
              { encoding: 'utf8' },
            );
            const ours = matchesAll(parseMatchers(matcher), labelsOf({ foo: value })) ? 'matched' : 'other';
            expect([matcher, value, ours]).toEqual([matcher, value, answer.stdout.trim()]);
          }
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});

function alertmanagerConfig(matcher: string): string {
  return JSON.stringify({
    route: { receiver: 'other', routes: [{ receiver: 'matched', matchers: [matcher] }] },
    receivers: [{ name: 'other' }, { name: 'matched' }],
  });
}

/** The documented meaning, written a second time with JavaScript's engine, for patterns that both engines read alike. */
function reference(name: string, op: MatchOperator, value: string, labels: readonly (readonly [string, string])[]): boolean {
  const actual = labels.find(([label]) => label === name)?.[1] ?? '';
  if (op === '=') return actual === value;
  if (op === '!=') return actual !== value;
  const found = new RegExp(`^(?:${value.replaceAll(/(?<!\\)\./g, '[^\\n]')})$`, 'u').test(actual);
  return op === '=~' ? found : !found;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

test('a pattern outside of matchers is anchored as well', () => {
  expect(matchesPattern('FIX-[0-9]{3}', 'FIX-123')).toBe(true);
  expect(matchesPattern('FIX-[0-9]{3}', 'FIX-1234')).toBe(false);
});
