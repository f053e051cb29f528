import { MatcherError, isSpace, quoteForError } from './matcher-syntax.ts';
import type { MatchOperator, MatcherParts } from './matcher-syntax.ts';

/**
 * Matchers in Alertmanager's classic syntax (its `pkg/labels/parse.go`): tolerant, values with or without quotes.
 * A leading `{` and a trailing `}` are dropped, whether or not they belong together. Throws `MatcherError`.
 */
export function parseClassicMatchers(text: string): readonly MatcherParts[] {
  const start = text.startsWith('{') ? 1 : 0;
  const end = text.length > start && text.endsWith('}') ? text.length - 1 : text.length;
  return splitAtCommas(text, start, end).map(([from, to]) => parseClassicMatcher(text, from, to));
}

/** The matcher between two places of a text. */
export function parseClassicMatcher(text: string, from = 0, to = text.length): MatcherParts {
  const source = text.slice(from, to);
  const head = /^[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*/.exec(source);
  const [matched, name, op] = head ?? [];
  if (matched === undefined || name === undefined || op === undefined) {
    throw new MatcherError(`${quoteForError(source)} is not a matcher; expected NAME = "VALUE", with one of = != =~ !~`, from);
  }
  const valueAt = from + matched.length;
  return { name, op: op as MatchOperator, value: unescape(trimEnd(source.slice(matched.length)), valueAt), valueAt };
}

/** Places of the parts between commas outside of quotes; a last part of white space only is none. */
function splitAtCommas(text: string, start: number, end: number): [number, number][] {
  const parts: [number, number][] = [];
  let from = start;
  let insideQuotes = false;
  let escaped = false;
  for (let at = start; at < end; at += 1) {
    const character = text[at];
    if (character === ',') {
      // A comma leaves `escaped` as it is, as it does in Alertmanager.
      if (insideQuotes) continue;
      parts.push([from, at]);
      from = at + 1;
    } else if (character === '"') {
      if (!escaped) insideQuotes = !insideQuotes;
      escaped = false;
    } else {
      escaped = character === '\\' && !escaped;
    }
  }
  if (!isBlank(text, from, end)) parts.push(trimSpace(text, from, end));
  return parts;
}

/** `\"`, `\n` and `\\` are escapes; another backslash stands for itself. */
function unescape(raw: string, at: number): string {
  const quoted = raw.startsWith('"');
  const body = quoted ? raw.slice(1) : raw;
  let value = '';
  let closed = !quoted;
  for (let index = 0; index < body.length; index += 1) {
    const character = body[index] ?? '';
    const last = index === body.length - 1;
    if (character === '\\' && !last) {
      index += 1;
      const next = body[index] ?? '';
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`;
    } else if (character === '"') {
      if (!quoted || !last) throw quoteError(raw, at);
      closed = true;
    } else {
      value += character;
    }
  }
  if (!closed) throw quoteError(raw, at);
  return value;
}

function quoteError(raw: string, at: number): MatcherError {
  return new MatcherError(
    `${quoteForError(raw)} has an unescaped double quote; put the value in double quotes and write \\" inside`,
    at,
  );
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && '\t\n\f\r '.includes(text[end - 1] ?? '-')) end -= 1;
  return text.slice(0, end);
}

function isBlank(text: string, from: number, to: number): boolean {
  const [start, end] = trimSpace(text, from, to);
  return start === end;
}

function trimSpace(text: string, from: number, to: number): [number, number] {
  let start = from;
  let end = to;
  while (start < end && isSpace(text[start] ?? '')) start += 1;
  while (end > start && isSpace(text[end - 1] ?? '')) end -= 1;
  return [start, end];
}
