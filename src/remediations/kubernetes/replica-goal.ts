import type { Json } from '../../domain/json.ts';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';

/** How many replicas a step wants. */
export interface ReplicaGoal {
  readonly [key: string]: Json;
  readonly to: number | null;
  readonly by: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** The number to set, from what there is; see the notes of `kubernetes.scale_deployment` for what is refused. */
export function chooseReplicas({ to, by, min, max }: ReplicaGoal, from: number, what: string): number {
  if (min !== null && max !== null && min > max) throw refuse('invalid_value', `min ${min} is more than max ${max}`);
  if (to !== null) {
    if (by !== null) throw refuse('invalid_value', 'give either `to` or `by`, not both');
    if (to < (min ?? to) || to > (max ?? to)) throw refuse('invalid_value', `to ${to} is outside of min and max`);
    return to;
  }
  if (by === null) throw refuse('missing_value', 'give `to`, or `by` with `min` and `max`');
  if (min === null || max === null) throw refuse('missing_value', '`by` needs `min` and `max`');
  if (by === 0) throw refuse('invalid_value', '`by` is 0');
  if (from === 0) throw refuse('precondition_failed', `${what} has 0 replicas: somebody stopped it; \`to\` would start it`);
  const wanted = Math.min(Math.max(from + by, min), max);
  if (Math.sign(wanted - from) === Math.sign(by)) return wanted;
  const bound = by > 0 ? `the most allowed by \`max\` is ${max}` : `the fewest allowed by \`min\` is ${min}`;
  throw refuse('over_limit', `${what} has ${from} replicas; ${bound}`);
}

/** The goal for people: `by 1, 3 to 10`. */
export function describeGoal({ to, by, min, max }: ReplicaGoal): string {
  return to === null ? `by ${by ?? 0}, ${min ?? 0} to ${max ?? 0}` : `to ${to}`;
}

function refuse(code: StepErrorCode, message: string): StepError {
  return new StepError(code, message, { happened: 'nothing' });
}
