import { MATCH_OPERATORS, MatcherError, isReserved, isSpace, quoteForError } from './matcher-syntax.ts';
import type { MatchOperator, MatcherParts } from './matcher-syntax.ts';
import { unquoteGoString } from './unquote-go-string.ts';

interface Token {
  readonly kind: 'open' | 'close' | 'comma' | 'operator' | 'quoted' | 'unquoted' | 'end';
  readonly text: string;
  readonly at: number;
}

/** Matchers in Alertmanager's UTF-8 syntax (its `matcher/parse`): any label name, in quotes where it has to be. Throws `MatcherError`. */
export function parseUtf8Matchers(text: string): readonly MatcherParts[] {
  const tokens = scan(text);
  let next = 0;
  const peek = (): Token => tokens[next] ?? { kind: 'end', text: '', at: text.length };
  const take = (expected: string, ...kinds: readonly Token['kind'][]): Token => {
    const token = peek();
    if (!kinds.includes(token.kind)) throw unexpected(token, expected);
    next += 1;
    return token;
  };

  const braces = peek().kind === 'open';
  if (braces) next += 1;
  const matchers: MatcherParts[] = [];
  while (peek().kind !== 'close' && (peek().kind !== 'end' || (braces && matchers.length === 0))) {
    const name = unquote(take('a label name', 'quoted', 'unquoted'));
    const op = take("an operator: '=', '!=', '=~' or '!~'", 'operator').text as MatchOperator;
    const value = take('a value, in double quotes', 'quoted', 'unquoted');
    matchers.push({ name, op, value: unquote(value), valueAt: value.at });
    if (peek().kind !== 'comma') break;
    next += 1;
  }
  if (braces) take("',' or '}'", 'close');
  take(braces ? 'nothing more' : "',' or the end", 'end');
  return matchers;
}

function scan(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (isSpace(character)) at += 1;
    else {
      const token = scanToken(text, at, character);
      tokens.push(token);
      at += token.text.length;
    }
  }
  return [...tokens, { kind: 'end', text: '', at }];
}

function scanToken(text: string, at: number, character: string): Token {
  if (character === '{') return { kind: 'open', text: character, at };
  if (character === '}') return { kind: 'close', text: character, at };
  if (character === ',') return { kind: 'comma', text: character, at };
  if (character === '=' || character === '!') return scanOperator(text, at);
  if (character === '"') return scanQuoted(text, at);
  if (isReserved(character))
    throw new MatcherError(`${quoteForError(character)} is not allowed here; put the value in double quotes`, at);
  let end = at;
  while (end < text.length && !isReserved(text[end] ?? '')) end += 1;
  return { kind: 'unquoted', text: text.slice(at, end), at };
}

function scanOperator(text: string, at: number): Token {
  const two = text.slice(at, at + 2);
  const op = MATCH_OPERATORS.find((operator) => operator === two) ?? (text[at] === '=' ? '=' : undefined);
  if (op === undefined) throw new MatcherError(`${quoteForError(two)} is not an operator; expected '=', '!=', '=~' or '!~'`, at);
  return { kind: 'operator', text: op, at };
}

function scanQuoted(text: string, at: number): Token {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === '\\') end += 1;
    else if (text[end] === '"') return { kind: 'quoted', text: text.slice(at, end + 1), at };
  }
  throw new MatcherError(`${quoteForError(text.slice(at))} has no closing double quote`, at);
}

function unquote(token: Token): string {
  if (token.kind !== 'quoted') return token.text;
  const value = unquoteGoString(token.text.slice(1, -1));
  if (value === undefined) {
    throw new MatcherError(
      `${quoteForError(token.text)} has an invalid escape; write a backslash as \\\\ and a line break as \\n`,
      token.at,
    );
  }
  return value;
}

function unexpected(token: Token, expected: string): MatcherError {
  const found = token.kind === 'end' ? 'the matcher ends here' : `unexpected ${quoteForError(token.text)}`;
  return new MatcherError(`${found}; expected ${expected}`, token.at);
}
