import type { z } from 'zod';
import { nearestName, suggestName } from './nearest-name.ts';
import { sortProblems } from './problem.ts';
import type { Problem } from './problem.ts';
import { keysAt, schemasAt } from './schema-at.ts';
import { isSecretSchema } from './secret-text.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

/** Of more problems than this only the number is said. */
const MAX_PROBLEMS = 500;

/** A message of our own: zod's reads the constructor of the value, which may be a key of the file. */
export const UNWORDED = { error: (): string => 'Invalid input' };

export type Checked<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

/** Checks a file, or another value (`given`) made of it that has the same shape, against a schema. Never throws for what is in the file. */
export function checkYaml<S extends z.ZodType>(
  yaml: YamlFile,
  schema: S,
  given: unknown = yaml.value,
  base: YamlPath = [],
): Checked<z.output<S>> {
  const result = schema.safeParse(given, UNWORDED);
  return result.success ? { value: result.data } : { problems: explainIssues(yaml, schema, result.error.issues, base) };
}

/**
 * What a schema has found in a file (below the path `base`), as problems with places: the offending text, what is allowed, and what was
 * probably meant. Values are quoted as the file has them, secrets not at all.
 */
export function explainIssues(
  yaml: YamlFile,
  schema: z.core.$ZodType,
  issues: readonly Issue[],
  base: YamlPath = [],
): readonly Problem[] {
  const explain = (issue: Issue, around: YamlPath): readonly Problem[] => {
    const path = [...around, ...issue.path];
    const at = [...base, ...path];
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys
          .slice(0, MAX_PROBLEMS)
          .map((key) =>
            yaml.problem([...at, key], `unknown key '${shorten(key)}'${suggestKey(key, schema, path)}`, { at: 'key' }),
          );
      case 'invalid_union': {
        const nearest = nearestOption(issue.errors);
        if (nearest !== undefined) return nearest.flatMap((inner) => explain(inner, path));
        return [yaml.problem(at, describeMismatch(issue.message, expectedByOptions(issue.errors)))];
      }
      case 'invalid_key':
        return [
          yaml.problem(
            at,
            `'${shorten(String(path.at(-1)))}' cannot be a name here: ${issue.issues.map((inner) => inner.message).join('; ')}`,
            { at: 'key' },
          ),
        ];
      default:
        return [yaml.problem(at, describeMismatch(issue.message, expectedBy(issue)), placeInText(issue))];
    }

    function describeMismatch(message: string, expected: string | undefined): string {
      const isDefault = /^(?:Invalid|Too small|Too big|Unrecognized)/.test(message);
      const said = isDefault ? (expected === undefined ? 'not allowed here' : `expected ${expected}`) : message;
      const written = lookUp(yaml.value, at);
      if (written === MISSING && path.length > 0) return `'${shorten(String(path.at(-1)))}' is missing`;
      if (!said.startsWith('expected ')) return said;
      const secret = schemasAt(schema, path).some(isSecretSchema);
      const suggestion =
        issue.code === 'invalid_value' && typeof written === 'string' ? suggestName(written, issue.values.map(String)) : '';
      return `${said}, got ${describeValue(written, secret)}${suggestion.startsWith(', did') ? suggestion : ''}`;
    }
  };
  const problems = sortProblems(issues.slice(0, MAX_PROBLEMS).flatMap((issue) => explain(issue, [])));
  const hidden = issues.length - MAX_PROBLEMS;
  return hidden > 0 ? [...problems, yaml.problem([...base], `and ${hidden} more`)] : problems;
}

/** What an unknown key was probably meant to be: a key that is allowed here, or one that belongs below another key of this mapping. */
function suggestKey(key: string, schema: z.core.$ZodType, path: YamlPath): string {
  const keys = keysAt(schema, path);
  if (nearestName(key, keys) !== undefined) return suggestName(key, keys);
  for (const parent of keys) {
    const meant = nearestName(key, keysAt(schema, [...path, parent]));
    if (meant !== undefined) return `, did you mean '${meant}'? It belongs under '${parent}'`;
  }
  return suggestName(key, keys);
}

/** Of the options of a union, the one that fits best: the one whose first fault lies deepest, if any got past the type. */
function nearestOption(options: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const ranked = options
    .map((issues) => ({ issues, depth: Math.max(0, ...issues.map(depthOf)) }))
    .filter(({ depth }) => depth > 0)
    .toSorted((a, b) => b.depth - a.depth || a.issues.length - b.issues.length);
  return ranked[0]?.issues;
}

function depthOf(issue: Issue): number {
  // An unknown key, or a text with its own message, is a fault inside of a value of the right type.
  const isInside = issue.code === 'unrecognized_keys' || (issue.code === 'custom' && issue.path.length === 0);
  return issue.path.length + (isInside ? 1 : 0);
}

function expectedByOptions(options: readonly (readonly Issue[])[]): string | undefined {
  const expected = options
    .map(([first]) => (first === undefined ? undefined : expectedBy(first)))
    .filter((text) => text !== undefined);
  return expected.length === 0 ? undefined : [...new Set(expected)].join(' or ');
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'nothing',
};

function expectedBy(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return Object.hasOwn(TYPE_NAMES, issue.expected) ? TYPE_NAMES[issue.expected] : issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_format':
      return issue.pattern === undefined ? undefined : `a match of ${issue.pattern}`;
    default:
      return undefined;
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
}

/** Parsers of texts say where in the text the fault is, with `params: { offset }`. */
function placeInText(issue: Issue): { readonly at?: number } {
  const offset: unknown = issue.code === 'custom' ? issue.params?.['offset'] : undefined;
  return typeof offset === 'number' ? { at: offset } : {};
}

const MISSING = Symbol('missing');

function lookUp(value: unknown, path: YamlPath): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return MISSING;
    found = Reflect.get(found, key);
  }
  return found;
}

function describeValue(value: unknown, secret: boolean): string {
  if (value === null || value === MISSING) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (secret) return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
  const text = JSON.stringify(value);
  return shorten(text);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
