import type { Json, JsonObject } from '../../domain/json.ts';

/** The output of a step for people: a text alone as it is, else a line or a paragraph for each value. */
export function outputText(output: JsonObject): string {
  const entries = Object.entries(output);
  const [only] = entries;
  if (entries.length === 1 && typeof only?.[1] === 'string') return only[1];
  return entries.map(([name, value]) => entryText(name, value)).join('\n');
}

function entryText(name: string, value: Json): string {
  if (typeof value === 'string') return value.includes('\n') ? `${name}:\n${value}` : `${name}: ${value}`;
  if (typeof value !== 'object' || value === null) return `${name}: ${String(value)}`;
  const line = JSON.stringify(value);
  return line.length <= 100 ? `${name}: ${line}` : `${name}: ${JSON.stringify(value, null, 2)}`;
}
