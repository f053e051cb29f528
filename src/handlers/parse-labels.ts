import type { Labels } from '../domain/alert.ts';
import { isObject, nameType, quoteValue } from './json-value.ts';

/** Labels or annotations as the daemon holds them, or what is wrong with them: `: …` or `."name": …`. Absent is empty. */
export function parseLabels(value: unknown): Labels | string {
  if (value === undefined || value === null) return Object.create(null) as Labels;
  if (!isObject(value)) return `: ${nameType(value)}, not an object`;
  let isCanonical = true;
  let previous = '';
  for (const name of Object.keys(value)) {
    const text = value[name];
    if (typeof text !== 'string') return `.${quoteValue(name)}: ${nameType(text)}, not a string`;
    isCanonical &&= text !== '' && name >= previous && text.isWellFormed() && name.isWellFormed();
    previous = name;
  }
  // Alertmanager sends canonical labels: the parsed object itself, without its prototype, is cheaper than a copy.
  return isCanonical ? (Object.setPrototypeOf(value, null) as Labels) : canonicalCopy(value);
}

/** Sorted and well-formed, without empty values. */
function canonicalCopy(entries: Readonly<Record<string, unknown>>): Labels {
  const labels = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(entries).sort()) {
    const text = entries[name];
    if (typeof text === 'string' && text !== '') labels[name.toWellFormed()] = text.toWellFormed();
  }
  return labels;
}
