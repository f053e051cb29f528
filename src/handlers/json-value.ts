/** Parsed JSON that is an object. Its names are own properties, `__proto__` too. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a value is, for messages: `a number`, `missing`, … */
export function nameType(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** The beginning of a text in quotes, or what else it is. */
export function quoteValue(value: unknown): string {
  if (typeof value !== 'string') return nameType(value);
  return JSON.stringify((value.length > 64 ? `${value.slice(0, 64)}…` : value).toWellFormed());
}
