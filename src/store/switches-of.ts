import type { Switches } from '../domain/state.ts';
import type { SwitchesRow } from './rows.ts';

/** How the switches are while nobody has set any. */
const UNSET: Switches = {
  pausedAt: null,
  pausedUntil: null,
  pausedBy: null,
  pauseReason: null,
  stormSince: null,
  calmSince: null,
  bootAt: 0,
  downtimeMs: 0,
  reconciledAt: null,
};

/** The switches in the rows of their table: one, or none in a new store. */
export function switchesOf([row]: readonly SwitchesRow[]): Switches {
  if (row === undefined) return UNSET;
  const { id: _id, ...switches } = row;
  return switches;
}
