import { defineRemediation, StepError, type Look } from '../../domain/remediation.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp, type ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { requestEngine } from './engine-request.ts';
import { findContainer, findUnlessGone } from './find-container.ts';
import { findPlanned, inspectChanged, planContainer } from './planned-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';

/** Sends one signal to the first process of a container. */
export const killContainer = defineRemediation({
  name: 'docker.kill_container',
  summary: 'Sends a signal to the main process of one running container, e.g. HUP to read its configuration again.',
  notes: [
    'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through `GET /containers/{name}/json` and `POST /containers/{name}/kill`; for Compose services also `GET /containers/json`.',
    'The signal goes to process 1 of the container, which ignores TERM, INT and the like when it has no handler for them; KILL always ends it. Success means that the signal was sent. A container that does not run is refused. A container that KILL ended is not started again by its restart policy.',
    'In doubt, after a timeout or a crash: the container has ended or started again after KILL, it is done; after another signal nobody can tell, and a person is asked.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    ...SELECTION_PARAMS,
    signal: {
      type: 'string',
      required: true,
      enum: ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'TERM', 'KILL'],
      description: 'The signal.',
    },
  },
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id.' },
    signal: { type: 'string', description: 'The signal that was sent.' },
    running: { type: 'bool', description: 'Whether it ran just after the signal, which may take a while to end it.' },
  },
  example: {
    container: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    signal: 'HUP',
    running: true,
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const selection = parseSelection(params);
    const details = await findContainer(await connectDocker(context.connection), selection, context.signal);
    requireChangeable(details, context);
    requireRunning(details);
    return {
      summary: `send SIG${params.signal} to container ${details.name} (${details.state}, started ${toTimestamp(details.startedAt)})`,
      identity: { container: details.name, id: details.id, signal: params.signal },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: 1,
      data: { ...planContainer(details), signal: params.signal },
    };
  },

  async run(plan, context) {
    const { id, name, signal: sent } = plan.data;
    const { docker, current } = await findPlanned(plan.data, context);
    requireRunning(current);
    await requestEngine(
      docker,
      {
        what: `sending SIG${sent} to container ${name}`,
        method: 'POST',
        path: `/containers/${id}/kill`,
        query: { signal: `SIG${sent}` },
      },
      context.signal,
    );
    return createOutput(await inspectChanged(docker, name, 'got its signal', context.signal), sent);
  },

  async look(plan, startedAt, context): Promise<Look> {
    const { id, name, startedAt: plannedStart, signal: sent } = plan.data;
    const current = await findUnlessGone(await connectDocker(context.connection), name, context.signal);
    if (current?.id !== id || sent !== 'KILL') return { state: 'unknown' };
    const isSameStart = current.isRunning && current.startedAt === plannedStart;
    return isSameStart
      ? lookAgainUntilOver(startedAt, 0, context.clock.now())
      : { state: 'done', output: createOutput(current, sent) };
  },
});

function requireRunning({ name, state, isRunning }: ContainerDetails): void {
  if (isRunning && state !== 'restarting') return;
  throw new StepError('precondition_failed', `container ${name} is not running (${state}): there is no process to signal`, {
    happened: 'nothing',
  });
}

function createOutput({ name, id, isRunning }: ContainerDetails, signal: string) {
  return { container: name, id, signal, running: isRunning };
}
