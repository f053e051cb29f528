import type { StoredTimelineEntry } from '../../domain/state.ts';
import { cellAt, integer } from '../column.ts';
import type { Row } from '../column.ts';
import { timeline } from '../rows.ts';

/** What is read of a line of a story: its place in it, and then what was written. */
export const STORED_TIMELINE = ['position', ...timeline.columns] as const;

export function decodeStoredTimeline(row: Row): StoredTimelineEntry {
  return { position: integer.decode(cellAt(row, 0)), ...timeline.decode(row, 1) };
}
