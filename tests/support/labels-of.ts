import type { Labels } from '../../src/domain/alert.ts';

/** Labels as the daemon holds them, empty ones included: without prototype. */
export function labelsOf(entries: Readonly<Record<string, string>>): Labels {
  return Object.assign(Object.create(null) as Record<string, string>, entries);
}
