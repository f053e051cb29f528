import type { StatsFs } from 'node:fs';

/** The size in which the blocks of a file system are counted. */
export function blockBytesOf({ bsize, frsize }: StatsFs): number {
  // Early releases of Node 24 do not tell it; on most file systems it is `bsize`.
  return Number.isInteger(frsize) ? frsize : bsize;
}
