import type { Place } from '../schema/problem.ts';

/** Somewhere in a file of tests. */
export interface FilePlace extends Place {
  readonly file: string;
}
