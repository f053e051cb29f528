import type Docker from 'dockerode';
import { formatDuration } from '../../domain/duration.ts';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { createStopError } from '../stop-error.ts';
import type { ContainerDetails } from './container-details.ts';
import { findById } from './find-container.ts';

const POLL_MS = 250;
/** How long a container without a health check has to run before it counts as up: one that cannot start ends sooner. */
const RUNS_FOR_MS = 2_000;

/**
 * Waits until a container is healthy, or, without a health check, has run for two seconds without another start. Fails with
 * `rejected` once it has ended for good, or `withinMs` has passed; a container that is made again is `precondition_failed`.
 */
export async function waitUntilUp(
  docker: Docker,
  { id, name }: { readonly id: string; readonly name: string },
  withinMs: number,
  context: StepContext<'docker'>,
): Promise<ContainerDetails> {
  const { clock, signal } = context;
  const begunAt = clock.monotonic();
  let runsSince = { startedAt: '', at: begunAt };
  for (;;) {
    const details = await inspectAwaited(docker, id, name, signal);
    const now = clock.monotonic();
    if (details === undefined) {
      throw new StepError('precondition_failed', `container ${name} was removed by somebody else`, { happened: 'unknown' });
    }
    if (details.startedAt !== runsSince.startedAt) runsSince = { startedAt: details.startedAt, at: now };
    if (isUp(details) && (details.health !== 'none' || now - runsSince.at >= RUNS_FOR_MS)) return details;
    const hasEnded = ['exited', 'dead'].includes(details.state);
    if (hasEnded || now - begunAt >= withinMs) throw notUp(details, withinMs);
    await sleepUnlessStopped(name, context);
  }
}

/** Whether a container is healthy, or, without a health check, runs. */
export function isUp({ health, isRunning, state }: ContainerDetails): boolean {
  return health === 'none' ? isRunning && state === 'running' : health === 'healthy';
}

/** Nobody waits for a container to which nothing has been done: what fails now is of unknown outcome. */
async function inspectAwaited(
  docker: Docker,
  id: string,
  name: string,
  signal: AbortSignal,
): Promise<ContainerDetails | undefined> {
  try {
    return await findById(docker, id, name, signal);
  } catch (cause) {
    const code = cause instanceof StepError ? cause.code : 'internal_error';
    throw new StepError(code, `container ${name} could not be inspected while it came up`, { happened: 'unknown', cause });
  }
}

async function sleepUnlessStopped(name: string, { clock, signal }: StepContext<'docker'>): Promise<void> {
  try {
    await clock.sleep(POLL_MS, signal);
  } catch {
    throw createStopError(signal, `waiting for container ${name}`, 'unknown');
  }
}

function notUp({ name, state, health, exitCode, isRunning }: ContainerDetails, withinMs: number): StepError {
  const how = isRunning ? `${state}, health ${health}` : `${state} with status ${exitCode}`;
  const message = `container ${name} did not come up within ${formatDuration(withinMs)}: it is ${how}`;
  return new StepError('rejected', message, { happened: 'unknown' });
}
