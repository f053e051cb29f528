import { Environment, EvaluationError } from '@marcbachmann/cel-js';
import { RE2JS, RE2JSException } from 're2js';
import { formatDuration, parseDuration } from '../domain/duration.ts';
import { PatternError, compilePattern } from '../domain/pattern.ts';
import { AlertValue, ItemValue, durationMs, formatInstant, toCelDuration } from './cel-value.ts';
import { DURATION, LABELS, TIMESTAMP } from './cel-type.ts';

/** Our functions behind names of the library that cannot be overridden: their calls are renamed before the check. */
export const RENAMED = { matches: 'matchesRe2', join: 'joinTexts', duration: 'prometheusDuration' } as const;

/** What bounds the lists that comprehensions go through. Outer and inner are those of a comprehension within another. */
export const BOUNDS = {
  boundedList: { entries: 10_000, size: 1_000_000 },
  boundedOuterList: { entries: 500, size: 1_000_000 },
  boundedInnerList: { entries: 500, size: 100_000 },
} as const;

const MAX_TEXT_LENGTH = 1_000_000;

/** An environment with the functions and types that all scopes share, and no variables. */
export function createRootEnvironment(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 1_000, maxDepth: 60 },
  });
  registerTypes(environment);
  registerTextFunctions(environment);
  registerTimeFunctions(environment);
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const check = (value: unknown): unknown => checkSize(value, bound);
    environment.registerFunction(`${name}(list<A>): list<A>`, check, { async: false });
    environment.registerFunction(`${name}(map<A, B>): map<A, B>`, check, { async: false });
  }
  return environment;
}

function registerTypes(environment: Environment): void {
  environment.registerType('Alert', {
    ctor: AlertValue,
    fields: { status: 'string', labels: LABELS, annotations: LABELS, fingerprint: 'string', starts_at: TIMESTAMP },
  });
  environment.registerType('Item', { ctor: ItemValue, fields: { item: 'dyn', state: 'string', output: 'dyn', error: 'string' } });
}

function registerTextFunctions(environment: Environment): void {
  const sync = { async: false };
  environment.registerFunction(`string.${RENAMED.matches}(string): bool`, matchesWhole, sync);
  environment.registerFunction('string.find(string): bool', matchesSomewhere, sync);
  environment.registerFunction('string.replace(string, string): string', replaceAll, sync);
  environment.registerFunction(`list<dyn>.${RENAMED.join}(): string`, (list: unknown) => joinTexts(list, ''), sync);
  environment.registerFunction(`list<dyn>.${RENAMED.join}(string): string`, joinTexts, sync);
}

function registerTimeFunctions(environment: Environment): void {
  const sync = { async: false };
  environment.registerFunction(`${RENAMED.duration}(string): ${DURATION}`, parseCelDuration, sync);
  environment.registerFunction(`string(${DURATION}): string`, (value: unknown) => formatDuration(durationMs(value) ?? 0), sync);
  environment.registerFunction(`string(${TIMESTAMP}): string`, (value: Date) => formatInstant(value), sync);
}

/** Why a text is not a regular expression; `undefined` when it is one. */
export function patternFault(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    // By itself too: in a group, `a)|(b` closes that group.
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError || error instanceof RE2JSException) return error.message;
    throw error;
  }
}

function matchesWhole(text: string, pattern: string): boolean {
  checkPattern(pattern);
  return compilePattern(pattern).matches(text);
}

function matchesSomewhere(text: string, pattern: string): boolean {
  checkPattern(pattern);
  return RE2JS.compile(pattern).test(text);
}

function checkPattern(pattern: string): void {
  const fault = patternFault(pattern);
  if (fault !== undefined) throw new EvaluationError(fault);
}

function replaceAll(text: string, search: string, replacement: string): string {
  if (search === '') throw new EvaluationError('replace() needs a text to search for');
  const parts = text.split(search);
  checkLength(text.length + (parts.length - 1) * (replacement.length - search.length));
  return parts.join(replacement);
}

function joinTexts(list: unknown, separator: string): string {
  if (!Array.isArray(list)) throw new EvaluationError('join() needs a list');
  let length = 0;
  for (const entry of list as readonly unknown[]) {
    if (typeof entry !== 'string') throw new EvaluationError('join() needs a list of texts: use map(x, string(x)) first');
    length += entry.length + separator.length;
  }
  checkLength(length);
  return list.join(separator);
}

function checkLength(length: number): void {
  if (length > MAX_TEXT_LENGTH) throw new EvaluationError(`the text would be longer than ${MAX_TEXT_LENGTH} characters`);
}

function parseCelDuration(text: string): unknown {
  const ms = parseDuration(text);
  if (ms === undefined) throw new EvaluationError(`"${text}" is not a duration such as 90s, 1h30m or 2d`);
  return toCelDuration(ms);
}

function checkSize(value: unknown, bound: { readonly entries: number; readonly size: number }): unknown {
  const entries = Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;
  if (entries > bound.entries)
    throw new EvaluationError(`a list of ${entries} entries is too long here; at most ${bound.entries}`);
  if (sizeOf(value, bound.size) > bound.size) throw new EvaluationError('the list is too large here');
  return value;
}

/** Characters and entries in all levels; stops counting soon after `limit`. */
function sizeOf(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length;
  const entries: Iterable<unknown> = Array.isArray(value) ? value : value instanceof Map ? value.values() : [];
  let size = 1;
  for (const entry of entries) {
    size += sizeOf(entry, limit - size);
    if (size > limit) break;
  }
  return size;
}
