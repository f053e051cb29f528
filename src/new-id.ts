import { randomBytes } from 'node:crypto';

let lastMs = 0;
let serial = 0;

/**
 * An id such as `inc_mi8k2l3p00a1b2c3`: its time, a serial within the millisecond, and randomness. Ids of one process
 * sort in the order they were made, which keeps the store's indexes compact.
 */
export function newId(kind: string): string {
  const now = Math.max(Date.now(), lastMs);
  serial = now === lastMs ? serial + 1 : 0;
  lastMs = now;
  return `${kind}_${now.toString(36)}${serial.toString(36).padStart(4, '0')}${randomTail()}`;
}

/** Random bytes are fetched in blocks: a call for each id would be most of its cost. */
const BLOCK = 3 * 512;
let block = Buffer.alloc(0);
let at = 0;

function randomTail(): string {
  if (at + 3 > block.length) {
    block = randomBytes(BLOCK);
    at = 0;
  }
  at += 3;
  return block.toString('hex', at - 3, at);
}
