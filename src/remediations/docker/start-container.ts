import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { sendStart } from './change-requests.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { findContainer } from './find-container.ts';
import { findPlanned, inspectChanged, planContainer } from './planned-container.ts';
import { requireChangeable } from './require-changeable.ts';

/** Starts one container that does not run. */
export const startContainer = defineRemediation({
  name: 'docker.start_container',
  summary: 'Starts one container that does not run; one that runs already is left as it is.',
  notes: [
    'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through `GET /containers/{name}/json` and `POST /containers/{name}/start`; for Compose services also `GET /containers/json`.',
    'Success means that Docker started the container, or that it ran already (`started` is false), not that it works: that is for `verify`. A paused container is refused. Repeating does no harm, so after a crash or a timeout the step is repeated.',
  ].join('\n\n'),
  connection: 'docker',
  params: SELECTION_PARAMS,
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id.' },
    started: { type: 'bool', description: 'Whether this step started it; false when it ran already.' },
    started_at: { type: 'timestamp', description: 'Its last start.' },
  },
  example: {
    container: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    started: true,
    started_at: '2026-11-21T02:30:11.000Z',
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan(params, context) {
    const selection = parseSelection(params);
    const details = await findContainer(await connectDocker(context.connection), selection, context.signal);
    requireChangeable(details, context);
    if (details.isPaused) {
      const message = `container ${details.name} is paused: it has to be unpaused, not started`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    const state = details.isRunning ? `is running already, since ${toTimestamp(details.startedAt)}` : `is ${details.state}`;
    return {
      summary: `start container ${details.name} (${state})`,
      identity: { container: details.name, id: details.id },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: details.isRunning ? 0 : 1,
      data: planContainer(details),
    };
  },

  async run(plan, context) {
    const { id, name, startedAt } = plan.data;
    const { signal } = context;
    const { docker, current } = await findPlanned(plan.data, context);
    if (!current.isRunning) await sendStart(docker, plan.data, signal);
    const after = current.isRunning ? current : await inspectChanged(docker, name, 'was started', signal);
    return {
      container: name,
      id,
      started: after.startedAt !== startedAt,
      started_at: toTimestamp(after.startedAt),
    };
  },
});
