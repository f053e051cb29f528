import type { OutputType } from '../domain/parameter.ts';

/** The names of the types of expressions, as the checker of the CEL library writes them. */
export const DURATION = 'google.protobuf.Duration';
export const TIMESTAMP = 'google.protobuf.Timestamp';
export const LABELS = 'map<string, string>';

/** The fields that an object has in expressions: a type's name, or the fields of an object within. */
export interface CelFields {
  [name: string]: string | CelFields;
}

const TYPE_NAMES = {
  string: 'string',
  int: 'int',
  number: 'double',
  bool: 'bool',
  duration: DURATION,
  bytes: 'int',
  list: 'list<dyn>',
  map: 'map<string, dyn>',
  any: 'dyn',
  timestamp: TIMESTAMP,
} as const satisfies Readonly<Record<OutputType, string>>;

/** The type that a value of a declared type has in expressions. */
export function celTypeOf(type: OutputType): string {
  return TYPE_NAMES[type];
}

/** Whether a value of this type can stand inside a text. */
export function isTextual(celType: string): boolean {
  return ['string', 'int', 'uint', 'double', 'bool', 'dyn', DURATION, TIMESTAMP].includes(celType);
}

/** A type's name for people: `duration` instead of `google.protobuf.Duration`. */
export function describeCelTypes(text: string): string {
  return text
    .replaceAll(DURATION, 'duration')
    .replaceAll(TIMESTAMP, 'timestamp')
    .replaceAll(/\$([\w.]+)/g, '$1')
    .replaceAll(/\b(list|map|optional)<(?:dyn|dyn, dyn|string, dyn)>/g, '$1');
}
