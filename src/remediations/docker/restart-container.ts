import { defineRemediation } from '../../domain/remediation.ts';
import { sendRestart } from './change-requests.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp, type ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { findContainer, findUnlessGone } from './find-container.ts';
import { findPlanned, inspectChanged, planContainer } from './planned-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';
import { roundStopTimeout, STOP_TIMEOUT_PARAM } from './stop-timeout.ts';

/** Restarts one container, once: guarded by its id and the time of its last start. */
export const restartContainer = defineRemediation({
  name: 'docker.restart_container',
  summary: 'Restarts one container: SIGTERM, after `stop_timeout` SIGKILL, then a new start.',
  notes: [
    "Least privilege: `allow` of the connection lists the container names that may be restarted (`dean-*`); without it none may. Whoever can write to Docker's socket is root on its machine, so put a socket proxy before it that lets through `GET /containers/{name}/json` and `POST /containers/{name}/restart`; for Compose services also `GET /containers/json`.",
    'The container must be the one that was planned, with the same last start; otherwise somebody else has just restarted it: `precondition_failed`, and nothing is done. Docker has no conditional restart, so a few milliseconds remain between the look and the call.',
    'Docker goes on with a restart whose caller has gone. After a timeout or a crash the step therefore waits until the last start has changed (done), or `stop_timeout` and 20 seconds have passed without that (not done, may be repeated). Success means that Docker started the container, not that it works: that is for `verify`.',
    'It refuses the container that remedyd itself runs in, and a Compose service with several containers.',
  ].join('\n\n'),
  connection: 'docker',
  params: { ...SELECTION_PARAMS, stop_timeout: STOP_TIMEOUT_PARAM },
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id, which a restart does not change.' },
    started_at: { type: 'timestamp', description: 'Its start by this restart.' },
    previous_started_at: { type: 'timestamp', description: 'Its start before that; the year 1 when it had never started.' },
    took: { type: 'duration', description: 'How long the restart took; after a crash, how long until it was seen.' },
  },
  example: {
    container: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    started_at: '2026-11-21T02:30:11.000Z',
    previous_started_at: '2026-11-20T08:00:00.000Z',
    took: 2_400,
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const selection = parseSelection(params);
    const stopTimeoutMs = roundStopTimeout(params.stop_timeout, context.timeoutMs);
    const details = await findContainer(await connectDocker(context.connection), selection, context.signal);
    requireChangeable(details, context);
    return {
      summary: `restart container ${details.name} (${details.state}, started ${toTimestamp(details.startedAt)})`,
      identity: { container: details.name, id: details.id },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: 1,
      data: { ...planContainer(details), stopTimeoutMs },
    };
  },

  async run(plan, context) {
    const { name, startedAt, stopTimeoutMs } = plan.data;
    const { clock, signal } = context;
    const begunAt = clock.monotonic();
    const { docker } = await findPlanned(plan.data, context);
    await sendRestart(docker, plan.data, stopTimeoutMs, signal);
    const after = await inspectChanged(docker, name, 'was restarted', signal);
    return createOutput(after, startedAt, Math.round(clock.monotonic() - begunAt));
  },

  async look(plan, startedAt, context) {
    const { id, name, startedAt: previousStart, stopTimeoutMs } = plan.data;
    const current = await findUnlessGone(await connectDocker(context.connection), name, context.signal);
    if (current?.id !== id) return { state: 'unknown' };
    const now = context.clock.now();
    if (current.startedAt === previousStart) return lookAgainUntilOver(startedAt, stopTimeoutMs, now);
    return { state: 'done', output: createOutput(current, previousStart, Math.max(0, now - startedAt)) };
  },
});

function createOutput(details: ContainerDetails, previousStart: string, took: number) {
  return {
    container: details.name,
    id: details.id,
    started_at: toTimestamp(details.startedAt),
    previous_started_at: toTimestamp(previousStart),
    took,
  };
}
