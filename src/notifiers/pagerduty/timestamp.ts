const YEAR_10000 = Date.UTC(10_000, 0);

/** ISO 8601 of an instant; the nearest that can be written, for one that cannot. */
export function timestamp(at: number): string {
  const writable = Number.isFinite(at) ? Math.min(Math.max(at, 0), YEAR_10000 - 1) : 0;
  return new Date(writable).toISOString();
}
