import { formatDuration } from './duration.ts';

/** A duration for people: to the second below an hour, to the minute above. */
export function readableDuration(ms: number): string {
  const unit = Math.abs(ms) < 3_600_000 ? 1_000 : 60_000;
  return formatDuration(Math.round(ms / unit) * unit);
}
