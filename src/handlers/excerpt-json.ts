import type { Json } from '../domain/json.ts';

/** How much of a strange value people are shown. */
const MAX_DEPTH = 8;
const MAX_ENTRIES = 64;
const MAX_TEXT = 1_024;
/** Over the whole value, so that it is bounded whatever its shape. */
const MAX_NODES = 1_000;

/** A copy of parsed JSON that is safe to store and show: bounded in depth and size, what is left out is a `…`. */
export function excerptJson(value: unknown): Json {
  let nodes = 0;
  const copy = (part: unknown, depth: number): Json => {
    nodes += 1;
    if (typeof part === 'string') return excerptText(part);
    if (typeof part === 'number') return Number.isFinite(part) ? part : String(part);
    if (typeof part === 'boolean') return part;
    if (typeof part !== 'object' || part === null) return null;
    if (depth >= MAX_DEPTH || nodes > MAX_NODES) return '…';
    if (Array.isArray(part)) {
      const shown = part.slice(0, MAX_ENTRIES).map((item) => copy(item, depth + 1));
      return part.length > MAX_ENTRIES ? [...shown, '…'] : shown;
    }
    const entries = Object.entries(part);
    const shown = Object.create(null) as Record<string, Json>;
    for (const [name, item] of entries.slice(0, MAX_ENTRIES)) shown[excerptText(name)] = copy(item, depth + 1);
    if (entries.length > MAX_ENTRIES) shown['…'] = '…';
    return shown;
  };
  return copy(value, 0);
}

function excerptText(text: string): string {
  return (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text).toWellFormed();
}
