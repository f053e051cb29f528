import { formatDuration } from '../../domain/duration.ts';
import { StepError } from '../../domain/remediation.ts';

/** The parameter of everything that stops a container. */
export const STOP_TIMEOUT_PARAM = {
  type: 'duration',
  default: '10s',
  max: 3_600_000,
  description:
    "How long the container may take to stop before it is killed; shorter than the step's timeout. Rounded up to seconds.",
} as const;

/** Whole seconds, because the engine takes nothing finer; `invalid_value` unless they are fewer than the step has. */
export function roundStopTimeout(stopTimeoutMs: number, timeoutMs: number): number {
  const roundedMs = Math.ceil(stopTimeoutMs / 1_000) * 1_000;
  if (roundedMs < timeoutMs) return roundedMs;
  const message = `stop_timeout ${formatDuration(roundedMs)} has to be shorter than what is left of the step's timeout, ${formatDuration(timeoutMs)}`;
  throw new StepError('invalid_value', message, { happened: 'nothing' });
}
