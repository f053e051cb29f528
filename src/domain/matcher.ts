import type { Labels } from './alert.ts';
import { parseClassicMatcher, parseClassicMatchers } from './matcher-classic-syntax.ts';
import { MatcherError, isReserved, quoteForError } from './matcher-syntax.ts';
import type { MatchOperator, MatcherParts } from './matcher-syntax.ts';
import { parseUtf8Matchers } from './matcher-utf8-syntax.ts';
import { PatternError, compilePattern } from './pattern.ts';

export { MATCH_OPERATORS, MatcherError } from './matcher-syntax.ts';
export type { MatchOperator } from './matcher-syntax.ts';

/** The longest text that is read as matchers, in characters. */
const MAX_MATCHER_LENGTH = 16_384;

/** One condition on a label, with Alertmanager's meaning: a label that is missing is the empty string. */
export class Matcher {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
  /** Whether it holds for an alert that lacks the label. */
  readonly matchesEmpty: boolean;
  readonly #matchesValue: (text: string) => boolean;

  /** Throws `PatternError` for `=~` and `!~` with an invalid pattern. */
  constructor(name: string, op: MatchOperator, value: string) {
    this.name = name;
    this.op = op;
    this.value = value;
    this.#matchesValue = valueTest(op, value);
    this.matchesEmpty = this.#matchesValue('');
  }

  matches(labels: Labels): boolean {
    return this.#matchesValue(Object.hasOwn(labels, this.name) ? (labels[this.name] ?? '') : '');
  }

  /** As Alertmanager prints it; parses to an equal matcher. */
  toString(): string {
    const quoted = this.name === '' || Array.from(this.name).some(isReserved);
    return quoted
      ? `${JSON.stringify(this.name)}${this.op}${JSON.stringify(this.value)}`
      : `${this.name}${this.op}"${this.value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`;
  }
}

/**
 * Matchers as Alertmanager 0.27 and later reads them: separated by commas, in braces or not, in the classic or the UTF-8 syntax;
 * where the two disagree, the classic meaning counts. Throws `MatcherError` only. An empty text has no matchers, and matches everything.
 */
export function parseMatchers(text: string): readonly Matcher[] {
  checkText(text);
  return parseEither(
    () => compileAll(parseClassicMatchers(text)),
    () => compileAll(parseUtf8Matchers(text)),
  );
}

/** Exactly one matcher, without braces; see `parseMatchers`. */
export function parseMatcher(text: string): Matcher {
  checkText(text);
  const brace = text.startsWith('{') ? 0 : text.endsWith('}') ? text.length - 1 : -1;
  if (brace !== -1) throw new MatcherError('a single matcher has no braces', brace);
  const [matcher, ...others] = parseEither(
    () => compileAll([parseClassicMatcher(text)]),
    () => compileAll(parseUtf8Matchers(text)),
  );
  if (matcher === undefined) throw new MatcherError('the matcher is empty; expected NAME = "VALUE", with one of = != =~ !~', 0);
  if (others.length > 0) throw new MatcherError(`expected one matcher, found ${others.length + 1}`, 0);
  return matcher;
}

/** Whether all of them hold. */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labels));
}

function checkText(text: string): void {
  if (text.length > MAX_MATCHER_LENGTH) {
    throw new MatcherError(
      `the matcher has ${text.length} characters; at most ${MAX_MATCHER_LENGTH} are allowed`,
      MAX_MATCHER_LENGTH,
    );
  }
  if (!text.isWellFormed()) throw new MatcherError('the matcher is not valid Unicode', 0);
}

// Alertmanager takes the UTF-8 meaning only of what the classic parser refuses: where both parse, they agree or the classic one counts.
function parseEither(classic: () => readonly Matcher[], utf8: () => readonly Matcher[]): readonly Matcher[] {
  const inClassic = attempt(classic);
  if (!(inClassic instanceof MatcherError)) return inClassic;
  const inUtf8 = attempt(utf8);
  if (!(inUtf8 instanceof MatcherError)) return inUtf8;
  // The UTF-8 parser knows the exact place and what it expected there, unless only the pattern is wrong.
  throw inClassic.cause instanceof PatternError ? inClassic : inUtf8;
}

function attempt(parse: () => readonly Matcher[]): readonly Matcher[] | MatcherError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MatcherError) return error;
    throw error;
  }
}

function compileAll(all: readonly MatcherParts[]): readonly Matcher[] {
  return all.map(({ name, op, value, valueAt }) => {
    try {
      return new Matcher(name, op, value);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw new MatcherError(`${quoteForError(value)}: ${error.message}`, valueAt, { cause: error });
    }
  });
}

function valueTest(op: MatchOperator, value: string): (text: string) => boolean {
  switch (op) {
    case '=':
      return (text) => text === value;
    case '!=':
      return (text) => text !== value;
    case '=~': {
      const pattern = compilePattern(value);
      return (text) => pattern.matches(text);
    }
    case '!~': {
      const pattern = compilePattern(value);
      return (text) => !pattern.matches(text);
    }
  }
}
