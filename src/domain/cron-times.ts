/** The instants that a cron expression names on the clocks of one place. */
export interface CronTimes {
  /** As written, e.g. `0 2 * * *`. */
  readonly cron: string;
  /** As written, e.g. `Europe/Berlin`. */
  readonly timezone: string;
  /**
   * The first instant after this one (epoch ms), on a whole minute. A local time that the clocks skip counts as the first instant
   * after the gap; one that they show twice counts once, the first time. `undefined` when none comes within 41 years.
   */
  nextAfter(at: number): number | undefined;
}
