const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;

/** How long to wait after so many failures in a row (1 is the first): from 1 s, doubled each time, to 5 min. */
export function backoffMs(attempts: number): number {
  return Math.min(FIRST_MS * 2 ** Math.max(0, attempts - 1), LONGEST_MS);
}
