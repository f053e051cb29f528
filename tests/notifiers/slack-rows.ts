import type { Notification } from '../../src/domain/state.ts';

/** A place that was told nothing yet. */
export function sampleRow(overrides: Partial<Notification> = {}): Notification {
  return {
    id: 'inc_mi8k2l3p0000a1b2c3:slack:#ops',
    incidentId: 'inc_mi8k2l3p0000a1b2c3',
    channel: 'slack',
    place: '#ops',
    purpose: 'message',
    text: null,
    bundleId: null,
    createdAt: Date.now(),
    wanted: 1,
    toldVersion: 0,
    told: null,
    toldPosition: 0,
    underWay: null,
    notBefore: 0,
    attempts: 0,
    lastError: null,
    isDead: false,
    ...overrides,
  };
}
