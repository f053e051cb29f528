import { Environment, Optional } from '@marcbachmann/cel-js';
import { parseByteSize } from '../domain/byte-size.ts';
import { formatDuration, parseDuration } from '../domain/duration.ts';
import type { Json } from '../domain/json.ts';
import type { OutputType } from '../domain/parameter.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { AlertView, StepView } from '../domain/scope.ts';
import { isJsonList } from './is-json-list.ts';

/** `alert` and the members of `alerts` in expressions. Maps, because a label may be called `constructor`. */
export class AlertValue {
  readonly status: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly fingerprint: string;
  readonly starts_at: Date;

  constructor(alert: AlertView) {
    this.status = alert.status;
    this.labels = new Map(Object.entries(alert.labels));
    this.annotations = new Map(Object.entries(alert.annotations));
    this.fingerprint = alert.fingerprint;
    this.starts_at = new Date(alert.starts_at);
  }
}

/** A member of `steps.ID.items` in expressions. */
export class ItemValue {
  readonly item: unknown;
  readonly state: string;
  readonly output: unknown;
  readonly error: string;

  constructor(entry: StepView['items'][number]) {
    this.item = toCelValue('any', entry.item, 'item');
    this.state = entry.state;
    this.output = toCelValue('any', entry.output, 'output');
    this.error = entry.error;
  }
}

const durations = new Environment().registerVariable('text', 'string').parse('duration(text)');

/** A duration in expressions, of milliseconds. */
export function toCelDuration(ms: number): unknown {
  return durations({ text: `${ms}ms` });
}

/**
 * The value of a declared type as expressions hold it: whole numbers are BigInt, mappings are Maps. `undefined` for null.
 * `place` names the value in errors; throws `ExpressionError` when it is not of its type.
 */
export function toCelValue(type: OutputType, value: Json, place: string): unknown {
  if (value === null) return undefined;
  const converted = convert(type, value);
  if (converted === undefined) throw new ExpressionError('expression_error', `${place} is not a value of type ${type}`);
  return converted;
}

function convert(type: OutputType, value: Json): unknown {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'int':
      return toBigInt(value);
    case 'number':
      return typeof value === 'number' ? value : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'duration': {
      const ms = typeof value === 'string' ? parseDuration(value) : value;
      return typeof ms === 'number' && Number.isFinite(ms) ? toCelDuration(ms) : undefined;
    }
    case 'bytes':
      return toBigInt(typeof value === 'string' ? (parseByteSize(value) ?? value) : value);
    case 'timestamp':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value) : undefined;
    case 'list':
      return Array.isArray(value) ? toDynamic(value) : undefined;
    case 'map':
      return typeof value === 'object' && !Array.isArray(value) ? toDynamic(value) : undefined;
    case 'any':
      return toDynamic(value);
  }
}

function toBigInt(value: Json): bigint | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function toDynamic(value: Json): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (isJsonList(value)) return value.map(toDynamic);
  return new Map(Object.entries(value).map(([name, entry]) => [name, toDynamic(entry)]));
}

/** The result of an expression as plain data: durations in milliseconds, instants in ISO 8601. Throws `ExpressionError`. */
export function fromCelValue(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new ExpressionError('expression_error', `the result is ${value}, which is not a number`);
      return value;
    case 'bigint':
      return toSafeNumber(value);
    case 'undefined':
      throw new ExpressionError('missing_value', 'the result is empty');
    case 'object':
      return value === null ? null : fromCelObject(value);
    default:
      throw new ExpressionError('expression_error', `the result is a ${typeof value}, which is not a value`);
  }
}

function fromCelObject(value: object): Json {
  if (Array.isArray(value)) return value.map(fromCelValue);
  if (value instanceof Map) return toObject(value);
  if (value instanceof Date) return formatInstant(value);
  if (value instanceof Optional) return fromCelValue(value.orValue(undefined));
  if (value instanceof AlertValue || value instanceof ItemValue) return toObject(Object.entries(value));
  const ms = durationMs(value);
  if (ms !== undefined) return ms;
  const primitive: unknown = value.valueOf();
  if (typeof primitive === 'bigint') return toSafeNumber(primitive);
  if (Object.getPrototypeOf(value) === Object.prototype) return toObject(Object.entries(value));
  throw new ExpressionError('expression_error', 'the result is neither a text, a number, a list nor a mapping');
}

function toObject(entries: Iterable<readonly [unknown, unknown]>): Json {
  // fromEntries makes own properties, also of `__proto__`.
  return Object.fromEntries([...entries].map(([name, entry]) => [textOf(name), fromCelValue(entry)]));
}

function toSafeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ExpressionError('expression_error', `${value} is beyond 2^53`);
  return number;
}

/** A value inside a text. Throws `ExpressionError` for lists and mappings, and `missing_value` for nothing. */
export function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object': {
      if (value === null) break;
      if (value instanceof Date) return formatInstant(value);
      const ms = durationMs(value);
      if (ms !== undefined) return formatDuration(ms);
      throw new ExpressionError('expression_error', 'a list or mapping cannot stand inside a text');
    }
    default:
      break;
  }
  throw new ExpressionError('missing_value', 'the value is empty');
}

/** ISO 8601 in UTC, without empty milliseconds. */
export function formatInstant(instant: Date): string {
  if (Number.isNaN(instant.getTime())) throw new ExpressionError('expression_error', 'the instant is outside of the calendar');
  return instant.toISOString().replace('.000Z', 'Z');
}

/** The milliseconds of a duration in expressions; `undefined` when it is none. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  // The library does not export the class.
  if (Object.prototype.toString.call(value) !== '[object google.protobuf.Duration]') return undefined;
  const ms: unknown = value.valueOf();
  return typeof ms === 'number' ? ms : undefined;
}
