import { StepError } from '../domain/remediation.ts';
import { describeError } from './describe-error.ts';

/** Whether the work has to stop. A function, because the compiler takes a property that it has seen false for false ever after. */
export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** The failure of work whose signal has aborted: `timeout` when its time was up, else `aborted`. `what` names the work. */
export function createStopError(signal: AbortSignal, what: string, happened: 'nothing' | 'unknown'): StepError {
  const reason: unknown = signal.reason;
  const isTimeout = describeError(reason).name === 'TimeoutError';
  const message = isTimeout ? `${what} did not finish in time` : `${what} was stopped`;
  return new StepError(isTimeout ? 'timeout' : 'aborted', message, { happened, cause: reason });
}
