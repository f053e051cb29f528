import type { Json } from '../domain/json.ts';

// Deeper values would overflow the stack of whatever writes or walks them later.
const DEEPEST_LEVEL = 64;

/** The value of a target's JSON text; `null` when it is not JSON or nests deeper than 64 levels. */
export function parseJsonOutput(text: string): Json {
  try {
    // JSON.parse makes nothing but plain data.
    const value = JSON.parse(text) as Json;
    return isWithinDepth(value, DEEPEST_LEVEL) ? value : null;
  } catch {
    return null;
  }
}

function isWithinDepth(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isWithinDepth(item, levels - 1));
}
