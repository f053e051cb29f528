import type { Labels } from '../domain/alert.ts';
import { isObject, nameType, quoteValue } from './json-value.ts';

/** Labels or annotations as the daemon holds them, or what is wrong with them: `: …` or `."name": …`. Absent is empty. */
export function parseLabels(value: unknown): Labels | string {
  const labels = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return labels;
  if (!isObject(value)) return `: ${nameType(value)}, not an object`;
  for (const name of Object.keys(value).sort()) {
    const text = value[name];
    if (typeof text !== 'string') return `.${quoteValue(name)}: ${nameType(text)}, not a string`;
    if (text !== '') labels[name.toWellFormed()] = text.toWellFormed();
  }
  return labels;
}
