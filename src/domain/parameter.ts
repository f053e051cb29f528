import { parseByteSize } from './byte-size.ts';
import { parseDuration } from './duration.ts';
import type { Json, JsonObject } from './json.ts';

/** Types of parameters, of playbooks and of remediations. A duration is held in milliseconds, `bytes` in bytes. */
export const PARAMETER_TYPES = ['string', 'int', 'number', 'bool', 'duration', 'bytes', 'list', 'map', 'any'] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

/** Types of outputs: those of parameters and instants (ISO 8601). */
export const OUTPUT_TYPES = [...PARAMETER_TYPES, 'timestamp'] as const;
export type OutputType = (typeof OUTPUT_TYPES)[number];

/**
 * Places where the values of expressions inside a text must not be taken for more than text: in a `glob` their special
 * characters are escaped; in `promql` all that a string literal or more than one word could be made of; in a `matcher` of
 * Alertmanager what would end its string; in both, behind `=~` and `!~`, also what would be a pattern; in a `message` for people
 * a missing value prints as `–` instead of failing the step.
 */
export const TEXT_PLACES = ['glob', 'promql', 'matcher', 'message'] as const;
export type TextPlace = (typeof TEXT_PLACES)[number];

export interface ParameterSpec {
  readonly type: ParameterType;
  readonly description?: string;
  /** A parameter without a default is optional unless it is required. */
  readonly required?: boolean;
  /** As written in a rule: `10m`, `4GiB`, 50, … */
  readonly default?: Json;
  readonly enum?: readonly Json[];
  /** RE2, anchored at both ends. */
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  /** Where a text ends up, if it needs care there: see `TEXT_PLACES`. */
  readonly place?: TextPlace;
}
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

export interface OutputSpec {
  readonly type: OutputType;
  readonly description: string;
}
export type OutputSpecs = Readonly<Record<string, OutputSpec>>;

interface ValueByType {
  string: string;
  int: number;
  number: number;
  bool: boolean;
  duration: number;
  bytes: number;
  list: readonly Json[];
  map: JsonObject;
  any: Json;
  timestamp: string;
}

type Given<S extends ParameterSpecs, K extends keyof S> = S[K] extends { required: true } | { default: Json } ? K : never;

/** The values a remediation gets for its parameters: present when required or defaulted, else perhaps absent. */
export type ParametersOf<S extends ParameterSpecs> = {
  readonly [K in keyof S as Given<S, K>]: ValueByType[S[K]['type']];
} & {
  readonly [K in keyof S as Exclude<K, Given<S, K>>]?: ValueByType[S[K]['type']];
};

export type OutputsOf<S extends OutputSpecs> = { readonly [K in keyof S]: ValueByType[S[K]['type']] };

/** A value that does not fit its parameter. `message` says which, what was given and what is allowed. */
export class ParameterError extends Error {
  readonly code: 'missing_value' | 'invalid_value';
  readonly parameter: string;

  constructor(code: 'missing_value' | 'invalid_value', parameter: string, message: string) {
    super(message);
    this.code = code;
    this.parameter = parameter;
  }
}

/** Whether the whole of `text` matches an RE2 pattern. Passed in because the engine is a library. */
export type PatternMatcher = (pattern: string, text: string) => boolean;

/**
 * Checks values against their specs, fills in defaults, and converts durations and sizes to numbers.
 * Fails closed: an unknown name, an empty string and a missing required value are a `ParameterError`.
 */
export function parseParameters(specs: ParameterSpecs, given: JsonObject, matches: PatternMatcher): JsonObject {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(specs, name)) {
      const known = Object.keys(specs).join(', ') || 'none';
      throw new ParameterError('invalid_value', name, `unknown parameter "${name}"; known are: ${known}`);
    }
  }
  const values: Record<string, Json> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? spec.default;
    if (value === undefined || value === null) {
      if (spec.required) throw new ParameterError('missing_value', name, `parameter "${name}" is required`);
      continue;
    }
    values[name] = parseParameter(name, spec, value, matches);
  }
  return values;
}

/** One value of one parameter; see `parseParameters`. */
export function parseParameter(name: string, spec: ParameterSpec, value: Json, matches: PatternMatcher): Json {
  if (value === '') throw new ParameterError('missing_value', name, `parameter "${name}" is empty`);
  const parsed = convert(spec.type, value);
  const fail = (wanted: string): never => {
    throw new ParameterError('invalid_value', name, `parameter "${name}" is ${JSON.stringify(value)}; ${wanted}`);
  };
  if (parsed === undefined) return fail(`expected ${describeType(spec.type)}`);
  if (spec.enum !== undefined && !spec.enum.includes(parsed)) fail(`expected one of ${spec.enum.map(textOf).join(', ')}`);
  if (spec.pattern !== undefined && !matches(spec.pattern, textOf(parsed))) fail(`expected a match of ${spec.pattern}`);
  if (spec.min !== undefined && typeof parsed === 'number' && parsed < spec.min) fail(`the least allowed is ${spec.min}`);
  if (spec.max !== undefined && typeof parsed === 'number' && parsed > spec.max) fail(`the most allowed is ${spec.max}`);
  return parsed;
}

function convert(type: ParameterType, value: Json): Json | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string'
        ? value
        : typeof value === 'number' || typeof value === 'boolean'
          ? String(value)
          : undefined;
    case 'int':
      return Number.isSafeInteger(toNumber(value)) ? toNumber(value) : undefined;
    case 'number':
      return toNumber(value);
    case 'bool':
      return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined;
    case 'duration':
      return typeof value === 'number' && value >= 0 ? value : typeof value === 'string' ? parseDuration(value) : undefined;
    case 'bytes':
      return typeof value === 'number' && value >= 0 ? value : typeof value === 'string' ? parseByteSize(value) : undefined;
    case 'list':
      return Array.isArray(value) ? value : undefined;
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
    case 'any':
      return value;
  }
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function toNumber(value: Json): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

function describeType(type: ParameterType): string {
  switch (type) {
    case 'duration':
      return 'a duration such as 30s, 10m or 2h';
    case 'bytes':
      return 'a size such as 512MiB or 4GiB';
    case 'int':
      return 'a whole number';
    case 'list':
      return 'a list';
    case 'map':
      return 'a mapping';
    default:
      return `a ${type}`;
  }
}
