import { UNSET_SWITCHES, type Switches } from '../domain/state.ts';
import type { SwitchesRow } from './rows.ts';

/** The switches in the rows of their table: one, or none in a new store. */
export function switchesOf([row]: readonly SwitchesRow[]): Switches {
  if (row === undefined) return UNSET_SWITCHES;
  const { id: _id, ...switches } = row;
  return switches;
}
