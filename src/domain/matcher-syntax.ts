export const MATCH_OPERATORS = ['=', '!=', '=~', '!~'] as const;
export type MatchOperator = (typeof MATCH_OPERATORS)[number];

/** The parts of one matcher, with the place of its value (the first character of the whole text is 0). */
export interface MatcherParts {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
  readonly valueAt: number;
}

/** A text that is not a matcher. `column` counts from 1; `message` says what is wrong there and what is allowed. */
export class MatcherError extends Error {
  readonly code = 'invalid_matcher';
  readonly column: number;

  constructor(message: string, offset: number, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MatcherError';
    this.column = offset + 1;
  }
}

// Go's unicode.IsSpace; JavaScript's \s has U+FEFF in addition and lacks U+0085.
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Whether Go counts a character as white space. */
export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** Whether a character has to stand in quotes in the UTF-8 syntax. */
export function isReserved(character: string): boolean {
  return '{}!=~,\\"\'`'.includes(character) || isSpace(character);
}

/** A text for an error message: in quotes, on one line, not too long. */
export function quoteForError(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
