import type Docker from 'dockerode';
import type { Json } from '../../domain/json.ts';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp, type ContainerDetails } from './container-details.ts';
import { findContainer } from './find-container.ts';
import { SEND_WITHIN_MS } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';

/** Which container a plan means: its id, and its last start as the engine writes it. */
export interface PlannedContainer {
  readonly [key: string]: Json;
  readonly id: string;
  readonly name: string;
  readonly startedAt: string;
}

/** What of a container goes into a plan. */
export function planContainer({ id, name, startedAt }: ContainerDetails): PlannedContainer {
  return { id, name, startedAt };
}

/**
 * The planned container, looked at again just before its change: the same one, with the same last start, and one that may be
 * changed. Otherwise `precondition_failed`, and nothing is done. `unavailable` when the look took so long that a later `look`
 * could not tell whether the change is still under way.
 */
export async function findPlanned(
  planned: PlannedContainer,
  context: StepContext<'docker'>,
): Promise<{ readonly docker: Docker; readonly current: ContainerDetails }> {
  const { id, name, startedAt } = planned;
  const { clock, signal } = context;
  const begunAt = clock.monotonic();
  const docker = await connectDocker(context.connection);
  const current = await findContainer(docker, { by: 'name', name }, signal);
  requireChangeable(current, context);
  if (current.id !== id || current.startedAt !== startedAt) {
    const change =
      current.id === id ? `was started at ${toTimestamp(current.startedAt)}` : 'was replaced by another of that name';
    throw new StepError('precondition_failed', `container ${name} ${change} since the plan was made; nothing was done`, {
      happened: 'nothing',
    });
  }
  if (clock.monotonic() - begunAt > SEND_WITHIN_MS) {
    throw new StepError('unavailable', `the engine was too slow to inspect container ${name}; nothing was done`, {
      happened: 'nothing',
    });
  }
  return { docker, current };
}

/** The container after its change. The change was made, so whatever fails now is of unknown outcome. `done` says what was, e.g. `was restarted`. */
export async function inspectChanged(docker: Docker, name: string, done: string, signal: AbortSignal): Promise<ContainerDetails> {
  try {
    return await findContainer(docker, { by: 'name', name }, signal);
  } catch (cause) {
    const code = cause instanceof StepError ? cause.code : 'internal_error';
    throw new StepError(code, `container ${name} ${done}, but could not be inspected afterwards`, { happened: 'unknown', cause });
  }
}
