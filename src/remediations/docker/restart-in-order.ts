import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type Look } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { sendRestart } from './change-requests.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp } from './container-details.ts';
import { parseSelection } from './container-selection.ts';
import { findContainer, findUnlessGone } from './find-container.ts';
import { findPlanned, planContainer } from './planned-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';
import { roundStopTimeout, STOP_TIMEOUT_PARAM } from './stop-timeout.ts';
import { isUp, waitUntilUp } from './wait-until-up.ts';

const MOST_CONTAINERS = 20;
const LOOK_AGAIN_MS = 1_000;

/** Restarts containers one after the other, each when the one before it has come up. */
export const restartInOrder = defineRemediation({
  name: 'docker.restart_in_order',
  summary: 'Restarts containers in the given order, and waits until each is healthy before the next.',
  notes: [
    'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through `GET /containers/{name}/json` and `POST /containers/{name}/restart`.',
    'Before anything is restarted, all of them have to be there and in `allow`. Each is restarted as `docker.restart_container` does it, and only when nobody else has since the plan. Without a health check a container has come up when it has run for two seconds.',
    'It stops at the first that fails or does not come up within `healthy_within`, and says which were done before; those after it are not touched. Write the order so that what others need comes first.',
    'Give the step a timeout for all of them together. After a timeout or a crash: all were restarted and are up, it is done; none was, it is not; some were, the outcome is unknown and a person is asked.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    containers: { type: 'list', required: true, description: `The exact names, in order; at most ${MOST_CONTAINERS}.` },
    healthy_within: {
      type: 'duration',
      default: '1m',
      min: 3_000,
      max: 3_600_000,
      description: 'How long each may take to come up after its restart.',
    },
    stop_timeout: STOP_TIMEOUT_PARAM,
  },
  outputs: {
    restarted: { type: 'list', description: 'For each, in order: `container`, `started_at` and `health`.' },
    count: { type: 'int', description: 'How many there are.' },
  },
  example: {
    restarted: [
      { container: 'db', started_at: '2026-11-21T02:30:11.000Z', health: 'healthy' },
      { container: 'web-1', started_at: '2026-11-21T02:30:19.000Z', health: 'none' },
    ],
    count: 2,
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const names = parseNames(params.containers);
    const stopTimeoutMs = roundStopTimeout(params.stop_timeout, context.timeoutMs);
    const docker = await connectDocker(context.connection);
    const containers = [];
    for (const name of names) {
      const details = await findContainer(docker, { by: 'name', name }, context.signal);
      requireChangeable(details, context);
      containers.push(planContainer(details));
    }
    return {
      summary: `restart containers ${names.join(', ')}, one after the other`,
      identity: { containers: containers.map(({ name, id }) => ({ container: name, id })) },
      touches: names.map((name) => `docker:${context.connection.name}/${name}`),
      count: names.length,
      data: { containers, stopTimeoutMs, healthyWithinMs: params.healthy_within },
    };
  },

  async run(plan, context) {
    const { containers, stopTimeoutMs, healthyWithinMs } = plan.data;
    const restarted: Restarted[] = [];
    for (const planned of containers) {
      try {
        const { docker } = await findPlanned(planned, context);
        await sendRestart(docker, planned, stopTimeoutMs, context.signal);
        const { startedAt, health } = await waitUntilUp(docker, planned, healthyWithinMs, context);
        restarted.push({ container: planned.name, started_at: toTimestamp(startedAt), health });
      } catch (error) {
        throw tellDone(error, restarted);
      }
    }
    return { restarted, count: restarted.length };
  },

  async look(plan, startedAt, context): Promise<Look> {
    const { containers, stopTimeoutMs, healthyWithinMs } = plan.data;
    const docker = await connectDocker(context.connection);
    const now = context.clock.now();
    const restarted: Restarted[] = [];
    let areAllUp = true;
    for (const planned of containers) {
      const current = await findUnlessGone(docker, planned.name, context.signal);
      if (current?.id !== planned.id) return { state: 'unknown' };
      if (current.startedAt === planned.startedAt) continue;
      restarted.push({ container: planned.name, started_at: toTimestamp(current.startedAt), health: current.health });
      areAllUp &&= isUp(current);
    }
    if (restarted.length === 0) return lookAgainUntilOver(startedAt, stopTimeoutMs, now);
    if (restarted.length < containers.length) return { state: 'unknown' };
    if (areAllUp) return { state: 'done', output: { restarted, count: restarted.length } };
    const mayComeUp = now < startedAt + containers.length * (stopTimeoutMs + healthyWithinMs);
    return mayComeUp ? { state: 'wait', ms: LOOK_AGAIN_MS } : { state: 'unknown' };
  },
});

interface Restarted {
  readonly [key: string]: Json;
  readonly container: string;
}

function parseNames(containers: readonly Json[]): readonly string[] {
  const refuse = (code: 'missing_value' | 'invalid_value' | 'over_limit', message: string): StepError =>
    new StepError(code, message, { happened: 'nothing' });
  if (containers.length === 0) throw refuse('missing_value', '`containers` is empty');
  if (containers.length > MOST_CONTAINERS) {
    throw refuse('over_limit', `${containers.length} containers are more than ${MOST_CONTAINERS}`);
  }
  const names = containers.map((container) => {
    const selection = typeof container === 'string' ? parseSelection({ container }) : undefined;
    if (selection?.by === 'name') return selection.name;
    throw refuse('invalid_value', `\`containers\` has ${quoteLine(JSON.stringify(container))}, which is no name`);
  });
  if (new Set(names).size === names.length) return names;
  throw refuse('invalid_value', `\`containers\` names one twice: ${names.join(', ')}`);
}

/** What was restarted before stays so: the failure says it. */
function tellDone(error: unknown, restarted: readonly Restarted[]): unknown {
  if (!(error instanceof StepError) || restarted.length === 0) return error;
  const message = `${error.message}; restarted before it: ${restarted.map(({ container }) => container).join(', ')}`;
  return new StepError(error.code, message, { happened: 'unknown', cause: error });
}
