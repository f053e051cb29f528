import type { Json } from '../domain/json.ts';

/** Whether a value is a list. `Array.isArray` does not narrow a readonly array. */
export function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
