import { z } from 'zod';
import { parseByteSize } from '../domain/byte-size.ts';
import { parseDuration } from '../domain/duration.ts';
import { MatcherError, parseMatchers } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import { PatternError, compilePattern } from '../domain/pattern.ts';
import type { Rate } from '../domain/rule.ts';

/** A text of at least one character. */
export function text(): z.ZodString {
  return z.string({ error: 'expected a text' }).min(1, { error: 'expected a text that is not empty' });
}

/** A name of a rule, a playbook, …: lower case letters, digits and dashes. */
export function kebabName(): z.ZodString {
  return named(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'expected a name of lower case letters, digits and dashes');
}

/** A name that expressions use, e.g. of a step or a parameter. */
export function identifier(): z.ZodString {
  return named(
    /^[a-z][a-z0-9_]*$/,
    'expected a name that starts with a lower case letter, then lower case letters, digits and _',
  );
}

/** A name of a person, a role, a connection, a severity, …. */
export function settingName(): z.ZodString {
  return named(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'expected a name of letters, digits and _ . @ -');
}

/** A whole number within bounds. */
export function count(least: number, most: number): z.ZodNumber {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A duration in Prometheus' notation; milliseconds in the output. */
export function duration(options: { readonly leastMs?: number } = {}): z.ZodType<number, string | 0> {
  const { leastMs = 0 } = options;
  const expected = `expected a duration such as 30s, 5m or 1h30m${leastMs > 0 ? ', more than 0' : ''}`;
  return z
    .union([z.string(), z.literal(0)], { error: expected })
    .meta({ description: 'A duration: 30s, 5m, 1h30m, 2d' })
    .transform((given, context) => {
      const ms = parseDuration(String(given));
      return ms !== undefined && ms >= leastMs ? ms : refuse(context, expected);
    });
}

/** A size such as `32MiB`; bytes in the output. */
export function byteSize(): z.ZodType<number, string | number> {
  const expected = 'expected a size such as 512KiB, 32MiB or 1GB';
  return z
    .union([z.string(), z.int().nonnegative()], { error: expected })
    .meta({ description: 'A size: 512KiB, 32MiB, 1GB' })
    .transform((given, context) => parseByteSize(String(given)) ?? refuse(context, expected));
}

/** A rate such as `3 per 24h`; `3 failures per 24h` is the same. */
export function rate(): z.ZodType<Rate, string> {
  const expected = 'expected a rate such as 3 per 24h';
  return z
    .string({ error: expected })
    .meta({ description: 'A rate: 3 per 24h' })
    .transform((given, context): Rate => parseRate(given) ?? refuse(context, expected));
}

/** A regular expression in RE2 syntax, matched against the whole of a text. */
export function pattern(): z.ZodType<string, string> {
  return z.string({ error: 'expected a regular expression' }).superRefine((source, context) => {
    try {
      compilePattern(source);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      context.addIssue({ code: 'custom', message: `${JSON.stringify(source)}: ${error.message}` });
    }
  });
}

/** An http or https URL. */
export function httpUrl(): z.ZodString {
  const expected = 'expected a URL that starts with http:// or https://';
  return z.string({ error: expected }).refine(isHttpUrl, { error: expected });
}

/** A time zone of the IANA database, e.g. `Europe/Berlin`. */
export function timeZone(): z.ZodString {
  const expected = 'expected a time zone such as UTC or Europe/Berlin';
  return z.string({ error: expected }).refine(isTimeZone, { error: expected });
}

/** One entry of a list of matchers: usually one matcher, as in Alertmanager also several with commas. */
export function matcherText(): z.ZodType<readonly Matcher[], string> {
  const expected = 'expected a matcher such as \'severity = "critical"\'';
  return z
    .string({ error: expected })
    .meta({ description: "Matchers in Alertmanager's syntax: 'severity = \"critical\"'" })
    .transform((given, context): readonly Matcher[] => {
      try {
        return parseMatchers(given);
      } catch (error) {
        if (!(error instanceof MatcherError)) throw error;
        context.addIssue({ code: 'custom', message: error.message, params: { offset: error.column - 1 } });
        return z.NEVER;
      }
    });
}

/** A list of matchers that all have to hold. At least one must not match the empty string: else alerts without the label would match. */
export function matchers(): z.ZodType<readonly Matcher[], string[]> {
  return z
    .array(matcherText(), { error: 'expected a list of matchers such as [\'severity = "critical"\']' })
    .transform((lists, context): readonly Matcher[] => {
      const all = lists.flat();
      if (all.some((matcher) => !matcher.matchesEmpty)) return all;
      context.addIssue({
        code: 'custom',
        message: 'every alert would match: at least one matcher must not match the empty string',
      });
      return z.NEVER;
    });
}

/** `3 per 24h`; `undefined` for anything else, and for nothing or for no time. */
function parseRate(given: string): Rate | undefined {
  const [, count, window] = /^(\d{1,9})(?: +failures?)? +per +(\S+)$/.exec(given.trim()) ?? [];
  const windowMs = window === undefined ? undefined : parseDuration(window);
  if (count === undefined || windowMs === undefined || windowMs === 0 || Number(count) === 0) return undefined;
  return { count: Number(count), windowMs };
}

function named(expression: RegExp, error: string): z.ZodString {
  return z.string({ error }).max(128, { error: 'expected a name of at most 128 characters' }).regex(expression, { error });
}

function refuse(context: z.core.$RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

function isHttpUrl(given: string): boolean {
  return URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);
}

function isTimeZone(given: string): boolean {
  // Node also takes offsets such as +01:00, which have no daylight saving time and which Alertmanager does not know.
  if (!/^[A-Za-z]/.test(given)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: given });
    return true;
  } catch {
    return false;
  }
}
