import type { Json, JsonObject } from '../../domain/json.ts';

/**
 * What PagerDuty has been told of an incident. `uncertain`: a trigger was sent and its answer lost, so that an incident may
 * be open there; acknowledging or resolving one that is not does nothing.
 */
export const TOLD_STATES = ['none', 'uncertain', 'triggered', 'acknowledged', 'resolved'] as const;
export type ToldState = (typeof TOLD_STATES)[number];

export interface Told {
  readonly state: ToldState;
  /** Of the incident when it was last triggered; 0 is the most urgent. */
  readonly severityRank: number;
  /** The escalation level when it was last triggered. */
  readonly level: number;
  /** People were called after somebody had acknowledged the incident: that acknowledgement is not theirs. */
  readonly isAnotherCall: boolean;
}

/** Of a row that PagerDuty knows nothing of; also of one that another notifier has told. */
export function readTold(told: JsonObject | null): Told {
  const state = TOLD_STATES.find((candidate) => candidate === told?.['state']) ?? 'none';
  return {
    state,
    // What cannot be read is no reason to call people again.
    severityRank: numberOr(told?.['severity_rank'], 0),
    level: numberOr(told?.['level'], Number.MAX_SAFE_INTEGER),
    isAnotherCall: told?.['is_another_call'] === true,
  };
}

export function toldToJson({ state, severityRank, level, isAnotherCall }: Told): JsonObject {
  return { state, severity_rank: severityRank, level, is_another_call: isAnotherCall };
}

function numberOr(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
