import type { Notification } from './state.ts';

/** A row of the outbox that is owed its first message, and knows nothing yet. */
export function newNotification(
  wanted: Pick<Notification, 'id' | 'incidentId' | 'channel' | 'place' | 'purpose'> & Partial<Pick<Notification, 'text'>>,
  now: number,
): Notification {
  return {
    text: null,
    ...wanted,
    bundleId: null,
    createdAt: now,
    wanted: 1,
    toldVersion: 0,
    told: null,
    toldPosition: 0,
    underWay: null,
    notBefore: now,
    attempts: 0,
    lastError: null,
    isDead: false,
  };
}
