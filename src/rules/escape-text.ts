import type { TextPlace } from '../domain/parameter.ts';

/** Where people read there is nothing to escape. */
export type EscapedPlace = Exclude<TextPlace, 'message'>;

/** `text` so that it is only itself in this place; `before` is what stands before it there. */
export function escapeText(place: EscapedPlace, text: string, before: string): string {
  return ESCAPES[place](text, before);
}

const ESCAPES: Readonly<Record<EscapedPlace, (text: string, before: string) => string>> = {
  glob: escapeGlob,
  promql: (text, before) => (isInRawPattern(before) ? escapeRawPattern(text) : escapePromql(literal(text, before))),
  matcher: (text, before) => escapeMatcher(literal(text, before)),
};

/** Inside the value of `=~` or `!~` a text is a pattern, unless its special characters are escaped (RE2). */
function literal(text: string, before: string): string {
  return /[=!]~\s*(?:"(?:[^"\\]|\\.)*|'(?:[^'\\]|\\.)*)$/s.test(before) ? text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&') : text;
}

/**
 * Strings of PromQL know `\xNN`: https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals.
 * Outside of a string it is a syntax error, so that a value is never more than one word there.
 */
function escapePromql(text: string): string {
  return text.replace(/\p{ASCII}/gu, (character) =>
    /[A-Za-z0-9_:.-]/.test(character) ? character : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Between backticks PromQL has no escapes, and RE2 reads `\xNN` itself. */
function isInRawPattern(before: string): boolean {
  return /[=!]~\s*`[^`]*$/.test(before);
}

function escapeRawPattern(text: string): string {
  return escapePromql(text).replaceAll('.', '\\x2e');
}

/** Strings of matchers know `\\`, `\"` and `\n`: https://prometheus.io/docs/alerting/latest/configuration/#matcher */
function escapeMatcher(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

/** Redis takes a backslash before a special character as that character: https://redis.io/docs/latest/commands/keys/ */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}
