import type { Connection } from '../../src/domain/connection.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';

const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * What a remediation is given when it is called without the pipeline: the real clock, the first attempt of a step.
 * As in the pipeline, the signal aborts with a `TimeoutError` once `timeoutMs` (20 s unless overridden) is up.
 */
export function createStepContext(connection: Connection | undefined, overrides: Partial<StepContext> = {}): StepContext {
  const timeoutMs = overrides.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return {
    connection,
    signal: AbortSignal.timeout(timeoutMs),
    timeoutMs,
    clock: new SystemClock(),
    runId: 'run-1',
    stepId: 'step-1',
    attempt: 1,
    alerts: [],
    post: () => Promise.resolve(),
    report: () => Promise.resolve({ text: 'nothing happened', incidents: 0, acted: 0, verified: 0 }),
    ...overrides,
  };
}
