import type { StoredTimelineEntry } from '../domain/state.ts';

/** A line of the story, and how often it stands there in a row. */
export interface ToldEntry {
  readonly entry: StoredTimelineEntry;
  readonly last: StoredTimelineEntry;
  readonly times: number;
}

/** Entries that say the same in a row as one: sixty alerts that join say so sixty times. */
export function withoutRepetitions(entries: readonly StoredTimelineEntry[]): readonly ToldEntry[] {
  const lines: ToldEntry[] = [];
  for (const entry of entries) {
    const before = lines.at(-1);
    if (before?.entry.text === entry.text && before.entry.actor === entry.actor)
      lines[lines.length - 1] = { ...before, last: entry, times: before.times + 1 };
    else lines.push({ entry, last: entry, times: 1 });
  }
  return lines;
}
