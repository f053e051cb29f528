import type { Json, JsonObject } from '../../domain/json.ts';

/**
 * The fields of an `INFO` answer; numbers become numbers, and `db0:keys=1,expires=0` becomes a map.
 * https://redis.io/docs/latest/commands/info/
 */
export function parseInfo(text: string): JsonObject {
  return Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => !line.startsWith('#') && line.includes(':'))
      .map((line) => splitAt(line, ':'))
      .map(([name, value]) => [name, parseValue(value)]),
  );
}

function parseValue(text: string): Json {
  const parts = text.split(',');
  if (!parts.every((part) => /^\w+=/.test(part))) return parseScalar(text);
  return Object.fromEntries(parts.map((part) => splitAt(part, '=')).map(([name, value]) => [name, parseScalar(value)]));
}

function parseScalar(text: string): string | number {
  // A number only where its text is one and no other: not a version, nor an id with leading zeros.
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text;
}

function splitAt(text: string, separator: string): readonly [string, string] {
  const place = text.indexOf(separator);
  return [text.slice(0, place), text.slice(place + 1)];
}
