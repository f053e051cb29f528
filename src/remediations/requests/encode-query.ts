import type { Json, JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** `?name=value&…` with names and values percent-encoded; a list repeats its name. Empty without entries. */
export function encodeQuery(query: JsonObject): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values: readonly Json[] = Array.isArray(value) ? value : [value];
    return values.map((item) => `${encode(name)}=${encode(toText(name, item))}`);
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function toText(name: string, value: Json): string {
  if (value === null || typeof value === 'object') {
    const message = `query "${quoteLine(name)}" has to be a text, a number, true, false or a list of them`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  return String(value);
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
