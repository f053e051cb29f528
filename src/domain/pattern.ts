import { RE2JS, RE2JSSyntaxException } from 're2js';

/** The longest pattern that is compiled, in characters. */
const MAX_PATTERN_LENGTH = 4_096;

// Go allows each repetition up to 1,000 times; many of them together make a program that takes minutes to compile.
const MAX_REPETITIONS = 1_000;
const MAX_CACHED_PATTERNS = 2_000;

/** A regular expression in RE2 syntax, as Go and Alertmanager read it: `^(?:…)$`, and `.` stands for no newline. */
export interface Pattern {
  /** Whether the whole of `text` matches. Takes time linear in the length of `text`. */
  matches(text: string): boolean;
}

/** A regular expression in RE2 syntax that is looked for anywhere in a text. */
export interface Search {
  /** Whether some part of `text` matches. Takes time linear in the length of `text`. */
  isIn(text: string): boolean;
}

/** A text that is not a pattern of RE2. `message` says why. */
export class PatternError extends Error {
  readonly code = 'invalid_pattern';
}

const compiled = new Map<string, Pattern>();

/** The pattern of a text; throws `PatternError`. The latest ones are kept compiled. */
export function compilePattern(source: string): Pattern {
  const known = compiled.get(source);
  if (known !== undefined) {
    compiled.delete(source);
    compiled.set(source, known);
    return known;
  }
  const pattern = compile(source);
  compiled.set(source, pattern);
  if (compiled.size > MAX_CACHED_PATTERNS) forgetOldest();
  return pattern;
}

/** Whether the whole of `text` matches the pattern; throws `PatternError`. */
export function matchesPattern(source: string, text: string): boolean {
  return compilePattern(source).matches(text);
}

/** What looks for a text; throws `PatternError`. */
export function compileSearch(source: string): Search {
  const expression = compileExpression(source, source);
  return { isIn: (text) => expression.test(text) };
}

function compile(source: string): Pattern {
  // Alertmanager searches for this text, so a value such as `a)|(?:b` means to us what it means there.
  const expression = compileExpression(source, `^(?:${source})$`);
  return { matches: (text) => expression.test(text) };
}

function compileExpression(source: string, text: string): RE2JS {
  if (source.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(`the regular expression has ${source.length} characters; at most ${MAX_PATTERN_LENGTH} are allowed`);
  }
  if (countRepetitions(source) > MAX_REPETITIONS) {
    throw new PatternError(`the counted repetitions of the regular expression add up to more than ${MAX_REPETITIONS}`);
  }
  try {
    return RE2JS.compile(text);
  } catch (error) {
    const reason = error instanceof RE2JSSyntaxException ? error.getDescription() : 'it is too complex';
    throw new PatternError(`not a regular expression (RE2): ${reason}`, { cause: error });
  }
}

function countRepetitions(source: string): number {
  let sum = 0;
  for (const [, counts = ''] of source.matchAll(/\{(\d+(?:,\d*)?)\}/g)) sum += Math.max(...counts.split(',').map(Number));
  return sum;
}

function forgetOldest(): void {
  const oldest = compiled.keys().next();
  if (!oldest.done) compiled.delete(oldest.value);
}
