import fc from 'fast-check';
import { z } from 'zod';
import { checkYaml } from '../src/schema/explain-issues.ts';
import {
  byteSize,
  count,
  duration,
  httpUrl,
  identifier,
  kebabName,
  matchers,
  pattern,
  rate,
  text,
  timeZone,
} from '../src/schema/fields.ts';
import { nearestName } from '../src/schema/nearest-name.ts';
import { formatProblem } from '../src/schema/problem.ts';
import { secretKeys } from '../src/schema/secret-text.ts';
import { parseYaml } from '../src/schema/yaml-file.ts';

function check(schema: z.ZodType, source: string): unknown {
  const result = parseYaml('f.yml', source);
  if ('problems' in result) return result.problems.map(formatProblem);
  const checked = checkYaml(result.yaml, schema);
  return 'problems' in checked ? checked.problems.map(formatProblem) : checked.value;
}

const schema = z.strictObject({
  name: kebabName(),
  mode: z.enum(['observe', 'approve', 'auto']).optional(),
  delay: duration().optional(),
  safety: z.strictObject({ cooldown: duration().optional(), max_runs: z.array(rate()).optional() }).optional(),
  steps: z
    .array(
      z.union([
        z.strictObject({ uses: text(), id: identifier().optional() }),
        z.strictObject({ playbook: text(), with: z.record(z.string(), z.json()).optional() }),
      ]),
    )
    .optional(),
  ...secretKeys('token'),
});

describe('problems', () => {
  test('all of a file at once, each with its place, the offending text and what is allowed', () => {
    const source = [
      'name: Not Kebab',
      'mode: atuo',
      'delay: 5 minutes',
      'safety:',
      '  coldown: 5m',
      '  max_runs: [3 per day, 4]',
      'extra: 1',
      '',
    ].join('\n');
    expect(check(schema, source)).toEqual([
      'f.yml:1:7: error: expected a name of lower case letters, digits and dashes, got "Not Kebab"',
      'f.yml:2:7: error: expected one of observe, approve, auto, got "atuo", did you mean \'auto\'?',
      'f.yml:3:8: error: expected a duration such as 30s, 5m or 1h30m, got "5 minutes"',
      "f.yml:5:3: error: unknown key 'coldown', did you mean 'cooldown'?",
      'f.yml:6:14: error: expected a rate such as 3 per 24h, got "3 per day"',
      'f.yml:6:25: error: expected a rate such as 3 per 24h, got 4',
      "f.yml:7:1: error: unknown key 'extra'; known are: name, mode, delay, safety, steps, token, token_file",
    ]);
  });

  test.each([
    ['{}', "f.yml:1:1: error: 'name' is missing"],
    ['', 'f.yml:1:1: error: expected a mapping, got nothing'],
    ['[]', 'f.yml:1:1: error: expected a mapping, got a list'],
    ['name:', 'f.yml:1:1: error: expected a name of lower case letters, digits and dashes, got nothing'],
    ['name: a\nsafety: 1', 'f.yml:2:9: error: expected a mapping, got 1'],
    ['name: a\nsteps: {}', 'f.yml:2:8: error: expected a list, got a mapping'],
    ['name: a\nsteps: [{ usse: x }]', "f.yml:2:11: error: unknown key 'usse', did you mean 'uses'?"],
    [
      'name: a\nsteps: [{ uses: x, id: check-disk }]',
      'f.yml:2:24: error: expected a name that starts with a lower case letter, then lower case letters, digits and _, got "check-disk"',
    ],
    ['name: a\nsteps: [7]', 'f.yml:2:9: error: expected a mapping, got 7'],
    ['name: a\ndelay: 30', 'f.yml:2:8: error: expected a duration such as 30s, 5m or 1h30m, got 30'],
  ])('%j', (source, expected) => {
    const problems = check(schema, source);
    expect(problems).toContain(expected);
  });

  test('secrets are not quoted', () => {
    expect(check(schema, 'name: a\ntoken: [hunter2]')).toEqual(['f.yml:2:8: error: expected a text, got a list']);
    expect(check(schema, 'name: a\ntoken: true')).toEqual(['f.yml:2:8: error: expected a text, got a boolean']);
    expect(check(schema, 'name: a\ntoken: " "')).toEqual([
      'f.yml:2:9: error: the secret is empty; give it a value, or remove the key',
    ]);
    expect(JSON.stringify(check(schema, 'name: a\ntoken: hunter2'))).not.toContain('hunter2');
  });

  test('control characters in names cannot forge a line of output', () => {
    const [line] = check(schema, '"x\\nf.yml:1:1: error: forged\\e[2J": 1') as string[];
    expect(line).not.toMatch(/\p{Cc}/u);
  });
});

describe('fields', () => {
  test.each<[string, z.ZodType, string, unknown]>([
    ['duration', duration(), '1h30m', 5_400_000],
    ['duration', duration(), '0', 0],
    ['byte size', byteSize(), '32MiB', 33_554_432],
    ['byte size', byteSize(), '1024', 1024],
    ['rate', rate(), '3 per 24h', { count: 3, windowMs: 86_400_000 }],
    ['rate', rate(), '3 failures per 24h', { count: 3, windowMs: 86_400_000 }],
    ['count', count(1, 5), '5', 5],
    ['pattern', pattern(), "'FIX-[0-9]{3}'", 'FIX-[0-9]{3}'],
    ['URL', httpUrl(), 'http://dean:8082', 'http://dean:8082'],
    ['time zone', timeZone(), 'Europe/Berlin', 'Europe/Berlin'],
  ])('a %s', (_, field, source, expected) => {
    expect(check(field, source)).toEqual(expected);
  });

  test.each<[z.ZodType, string, string]>([
    [duration({ leastMs: 1 }), '0s', 'f.yml:1:1: error: expected a duration such as 30s, 5m or 1h30m, more than 0, got "0s"'],
    [rate(), '0 per 1h', 'f.yml:1:1: error: expected a rate such as 3 per 24h, got "0 per 1h"'],
    [rate(), '3 per 0s', 'f.yml:1:1: error: expected a rate such as 3 per 24h, got "3 per 0s"'],
    [count(1, 5), '6', 'f.yml:1:1: error: expected a whole number from 1 to 5, got 6'],
    [count(1, 5), '1.5', 'f.yml:1:1: error: expected a whole number from 1 to 5, got 1.5'],
    [pattern(), '"(?=x)"', 'f.yml:1:2: error: "(?=x)": not a regular expression (RE2): invalid or unsupported Perl syntax'],
    [
      httpUrl(),
      'file:///etc/passwd',
      'f.yml:1:1: error: expected a URL that starts with http:// or https://, got "file:///etc/passwd"',
    ],
    [timeZone(), 'Mars/Olympus', 'f.yml:1:1: error: expected a time zone such as UTC or Europe/Berlin, got "Mars/Olympus"'],
    [timeZone(), '"+01:00"', 'f.yml:1:2: error: expected a time zone such as UTC or Europe/Berlin, got "+01:00"'],
  ])('refuses', (field, source, expected) => {
    expect(check(field, source)).toEqual([expected]);
  });

  test('matchers: a fault is placed inside of its text', () => {
    expect(check(matchers(), `- 'severity = "critical"'\n- 'a!b'\n`)).toEqual([
      "f.yml:2:5: error: \"!b\" is not an operator; expected '=', '!=', '=~' or '!~'",
    ]);
  });

  test.each(['[]', "['']", "['{}']", `['a=~".*"', 'b!="x"']`])('matchers that hold for every alert are refused: %s', (source) => {
    expect(check(matchers(), source)).toEqual([expect.stringContaining('at least one matcher must not match the empty string')]);
  });
});

describe('did you mean', () => {
  test.each([
    ['coldown', 'cooldown'],
    ['atuo', 'auto'],
    ['COOLDOWN', 'cooldown'],
    ['timout', 'timeout'],
    ['xyz', undefined],
  ])('%s: %s', (typed, meant) => {
    expect(nearestName(typed, ['cooldown', 'auto', 'timeout', 'name'])).toBe(meant);
  });
});

test('any YAML against a schema gives a value or problems', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('3 per 1h', '5m', 'auto'));
  const key = fc.oneof(
    fc.constantFrom('name', 'mode', 'delay', 'safety', 'steps', 'uses', 'with', 'token', 'constructor', 'toString', 'cooldown'),
    fc.string(),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const outcome = check(schema, JSON.stringify(value));
      expect(outcome).toBeDefined();
    }),
    { numRuns: 3_000 },
  );
});
