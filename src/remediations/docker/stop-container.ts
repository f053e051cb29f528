import { defineRemediation } from '../../domain/remediation.ts';
import { sendStop } from './change-requests.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp, type ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { findContainer, findUnlessGone } from './find-container.ts';
import { findPlanned, inspectChanged, planContainer } from './planned-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';
import { requireKeptAtStop } from './require-kept-at-stop.ts';
import { roundStopTimeout, STOP_TIMEOUT_PARAM } from './stop-timeout.ts';

/** Stops one container. */
export const stopContainer = defineRemediation({
  name: 'docker.stop_container',
  summary: 'Stops one container: SIGTERM (or its own stop signal), after `stop_timeout` SIGKILL.',
  notes: [
    'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through `GET /containers/{name}/json` and `POST /containers/{name}/stop`; for Compose services also `GET /containers/json`.',
    'A container that does not run is left as it is: success, and `stopped` is false. Its restart policy does not start it again until the engine itself restarts (`always`). One that the engine removes when it stops (`--rm`) is refused, because nothing could start it again.',
    'Docker goes on with a stop whose caller has gone. After a timeout or a crash the step waits until the container has stopped (done), or `stop_timeout` and 20 seconds have passed without that (not done). One that was started again meanwhile is of unknown outcome.',
  ].join('\n\n'),
  connection: 'docker',
  params: { ...SELECTION_PARAMS, stop_timeout: STOP_TIMEOUT_PARAM },
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id.' },
    stopped: { type: 'bool', description: 'Whether this step stopped it; false when it did not run.' },
    exit_code: { type: 'int', description: 'Its exit status; 137 when it was killed after `stop_timeout`.' },
    finished_at: { type: 'timestamp', description: 'Its last end; the year 1 when it never ran.' },
  },
  example: {
    container: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    stopped: true,
    exit_code: 0,
    finished_at: '2026-11-21T02:30:11.000Z',
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const selection = parseSelection(params);
    const stopTimeoutMs = roundStopTimeout(params.stop_timeout, context.timeoutMs);
    const details = await findContainer(await connectDocker(context.connection), selection, context.signal);
    requireChangeable(details, context);
    requireKeptAtStop(details);
    return {
      summary: `stop container ${details.name} (${details.state}, started ${toTimestamp(details.startedAt)})`,
      identity: { container: details.name, id: details.id },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: details.isRunning ? 1 : 0,
      data: { ...planContainer(details), wasRunning: details.isRunning, stopTimeoutMs },
    };
  },

  async run(plan, context) {
    const { name, wasRunning, stopTimeoutMs } = plan.data;
    const { signal } = context;
    const { docker, current } = await findPlanned(plan.data, context);
    if (!current.isRunning) return createOutput(current, false);
    await sendStop(docker, plan.data, stopTimeoutMs, signal);
    return createOutput(await inspectChanged(docker, name, 'was stopped', signal), wasRunning);
  },

  async look(plan, startedAt, context) {
    const { id, name, startedAt: plannedStart, wasRunning, stopTimeoutMs } = plan.data;
    const current = await findUnlessGone(await connectDocker(context.connection), name, context.signal);
    if (current?.id !== id || current.startedAt !== plannedStart) return { state: 'unknown' };
    if (!current.isRunning) return { state: 'done', output: createOutput(current, wasRunning) };
    return lookAgainUntilOver(startedAt, stopTimeoutMs, context.clock.now());
  },
});

function createOutput(details: ContainerDetails, stopped: boolean) {
  return {
    container: details.name,
    id: details.id,
    stopped,
    exit_code: details.exitCode,
    finished_at: toTimestamp(details.finishedAt),
  };
}
