import type { Notification } from '../domain/state.ts';

/** How much a place has heard that was told all there was when the row was read: nothing of what was asked for since. */
export function toldVersionAfter(read: Notification, now: Notification): number {
  return now.toldVersion === read.toldVersion ? read.wanted : now.toldVersion;
}
