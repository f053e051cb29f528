import type Docker from 'dockerode';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { sendRemove, sendStart, sendStop } from './change-requests.ts';
import { listReplicas, type Replica } from './compose-service.ts';
import { connectDocker } from './connect-docker.ts';
import { parseSelection } from './container-selection.ts';
import { copyReplica, nameReplica, requireRepeatable } from './copy-replica.ts';
import { createContainer, orRemove } from './create-container.ts';
import { readRawContainer } from './raw-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireAllowed, requireChangeable } from './require-changeable.ts';
import { roundStopTimeout, STOP_TIMEOUT_PARAM } from './stop-timeout.ts';

const MOST_REPLICAS = 100;

/** Changes how many containers a Compose service has. */
export const scaleService = defineRemediation({
  name: 'docker.scale_service',
  summary:
    'Changes how many containers a Compose service has: new ones are made like one that runs, the highest numbers go first.',
  notes: [
    [
      'Least privilege: `allow` of the connection has to match the name of every container that is made or removed (`shop-web-*`), and a socket proxy lets through',
      '- always `GET /containers/json`',
      '- to grow `GET /containers/{name}/json`, `POST /containers/create`, `POST /containers/{name}/start`, with several networks also `POST /networks/{name}/connect`',
      '- to shrink `POST /containers/{name}/stop`, `DELETE /containers/{name}`; the latter also removes a new one that could not be started',
    ].join('\n'),
    'Whoever may create containers may do everything on that machine, and a socket proxy cannot tell one container from another: use a connection of its own for this.',
    'Containers are found by the labels that Compose gives them, and counted whatever their state. A new one has the image, environment, mounts, networks with their aliases, labels and limits of one that runs, and the next number in its label and name. So Compose takes it for its own; what it says about scale is not changed, and its next `up` goes back to that.',
    'Refused with the reason where there can be only one: a fixed name (`container_name`), a fixed port of the host, `network_mode: host`, a fixed address. Volumes are shared as Compose shares them; anonymous ones are new.',
    '`by` goes no further than `min` and `max`; `to` has to be within them. `to: 0`, and a negative `by` with `min: 0`, may leave the service without a container and count as destructive. Success means that new containers were started, not that they work: that is for `verify`. When a part was done and then a failure came, or the daemon died, the step goes on with `to`; with `by` its outcome is unknown and a person is asked.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    project: { type: 'string', required: true, description: 'The Compose project.' },
    service: { type: 'string', required: true, description: 'The Compose service.' },
    to: { type: 'int', min: 0, max: MOST_REPLICAS, description: 'How many containers it shall have.' },
    by: {
      type: 'int',
      min: -MOST_REPLICAS,
      max: MOST_REPLICAS,
      description: 'Instead of `to`: how many more, below 0 how many fewer.',
    },
    min: { type: 'int', default: 1, min: 0, max: MOST_REPLICAS, description: 'Never fewer than this.' },
    max: { type: 'int', default: 10, min: 1, max: MOST_REPLICAS, description: 'Never more than this.' },
    stop_timeout: STOP_TIMEOUT_PARAM,
  },
  outputs: {
    from: { type: 'int', description: 'How many containers the service had.' },
    to: { type: 'int', description: 'How many it has.' },
    created: { type: 'list', description: 'The names of those that were made and started.' },
    removed: { type: 'list', description: 'The names of those that were stopped and removed.' },
  },
  example: { from: 2, to: 3, created: ['shop-web-3'], removed: [] },
  effect: ({ to, by, min }) => (to === 0 || (by !== undefined && by < 0 && min === 0) ? 'destructive' : 'change'),
  inDoubt: 'look',

  async plan(params, context) {
    const { connection, signal, timeoutMs } = context;
    const { project, service } = parseService(params);
    const stopTimeoutMs = roundStopTimeout(params.stop_timeout, timeoutMs);
    const docker = await connectDocker(connection);
    const replicas = await listReplicas(docker, project, service, signal);
    if (replicas.length === 0) {
      const message = `there is no container of service ${service} of Compose project ${project}`;
      throw new StepError('not_found', message, { happened: 'nothing' });
    }
    const from = replicas.length;
    const to = chooseCount(from, params);
    const remove = replicas.slice(Math.min(to, from));
    for (const replica of remove) requireChangeable(replica, context);
    const { source, create } = await planGrowth(docker, replicas, to - from, context);
    return {
      summary: `scale service ${service} of Compose project ${project} from ${from} to ${to}${describe(create, remove)}`,
      identity: { connection: connection.name, project, service, ...(params.to === undefined ? { by: params.by ?? 0 } : { to }) },
      touches: [...create, ...remove].map(({ name }) => `docker:${connection.name}/${name}`),
      count: create.length + remove.length,
      data: {
        project,
        service,
        from,
        to,
        isAbsolute: params.to !== undefined,
        existing: replicas.map(({ id }) => id),
        source,
        create,
        remove: remove.map(({ id, name }) => ({ id, name })),
        stopTimeoutMs,
      },
    };
  },

  async run(plan, context) {
    const { project, service, existing, source, create, remove, stopTimeoutMs } = plan.data;
    const { signal } = context;
    const docker = await connectDocker(context.connection);
    const replicas = await listReplicas(docker, project, service, signal);
    if (replicas.map(({ id }) => id).join() !== existing.join()) {
      const message = `the containers of service ${service} changed since the plan was made; nothing was done`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    if (source !== null) {
      const raw = await readRawContainer(docker, source.id, source.name, signal);
      requireRepeatable(raw);
      for (const { number, name } of create) {
        requireAllowed(name, context.connection);
        const copy = copyReplica(raw, number);
        await asPartOf(create, name, async () => {
          const id = await createContainer(docker, name, copy, signal);
          await orRemove(docker, { id, name }, signal, () => sendStart(docker, { id, name }, signal));
        });
      }
    }
    const highestFirst = remove.toReversed();
    for (const replica of highestFirst) {
      requireChangeable(replica, context);
      await asPartOf(highestFirst, replica.name, async () => {
        await sendStop(docker, replica, stopTimeoutMs, signal);
        await sendRemove(docker, replica, false, signal).catch((error: unknown) => tellStopped(replica.name, error));
      });
    }
    return createOutput(plan.data);
  },

  async look(plan, startedAt, context) {
    const { project, service, create, remove, isAbsolute, stopTimeoutMs } = plan.data;
    const docker = await connectDocker(context.connection);
    const replicas = await listReplicas(docker, project, service, context.signal);
    const made = create.filter(({ name }) => replicas.some((replica) => replica.name === name));
    const gone = remove.filter(({ id }) => !replicas.some((replica) => replica.id === id));
    // Made and not started: nobody can tell what became of it, and it must not be counted.
    if (replicas.some(({ name, state }) => state === 'created' && made.some((one) => one.name === name))) {
      return { state: 'unknown' };
    }
    const done = made.length + gone.length;
    if (done === create.length + remove.length) return { state: 'done', output: createOutput(plan.data) };
    const look = lookAgainUntilOver(startedAt, stopTimeoutMs, context.clock.now());
    return done === 0 || isAbsolute || look.state === 'wait' ? look : { state: 'unknown' };
  },
});

function parseService({ project, service }: { readonly project: string; readonly service: string }) {
  const selection = parseSelection({ project, service });
  if (selection.by === 'compose') return selection;
  throw new StepError('internal_error', 'a project and a service are no container', { happened: 'nothing' });
}

interface Bounds {
  readonly to?: number;
  readonly by?: number;
  readonly min: number;
  readonly max: number;
}

function chooseCount(from: number, { to, by, min, max }: Bounds): number {
  const refuse = (code: 'missing_value' | 'invalid_value', message: string): StepError =>
    new StepError(code, message, { happened: 'nothing' });
  if (min > max) throw refuse('invalid_value', `min ${min} is above max ${max}`);
  if (to !== undefined && by !== undefined) throw refuse('invalid_value', 'give either `to` or `by`, not both');
  if (to !== undefined) {
    if (to >= min && to <= max) return to;
    throw refuse('invalid_value', `to ${to} is not within ${min} and ${max}`);
  }
  if (by === undefined) throw refuse('missing_value', 'give `to` or `by`');
  // A service beyond its bounds already is not moved against the sign of `by`.
  return by > 0 ? Math.max(from, Math.min(from + by, max)) : Math.min(from, Math.max(from + by, min));
}

async function planGrowth(docker: Docker, replicas: readonly Replica[], more: number, context: StepContext<'docker'>) {
  if (more <= 0) return { source: null, create: [] };
  const running = replicas.find(({ state }) => state === 'running');
  if (running === undefined) {
    const message = 'no container of the service runs: there is none to make others like it';
    throw new StepError('precondition_failed', message, { happened: 'nothing' });
  }
  const raw = await readRawContainer(docker, running.id, running.name, context.signal);
  requireRepeatable(raw);
  const highest = Math.max(...replicas.map(({ number }) => number));
  const create = Array.from({ length: more }, (_none, index) => highest + 1 + index).map((number) => ({
    number,
    name: nameReplica(raw, number),
  }));
  for (const { name } of create) requireAllowed(name, context.connection);
  return { source: { id: running.id, name: running.name }, create };
}

/** Says of a failure what was done before it. */
async function asPartOf(all: readonly { readonly name: string }[], name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const done = all.slice(
      0,
      all.findIndex((one) => one.name === name),
    );
    if (!(error instanceof StepError) || done.length === 0) throw error;
    const message = `${error.message}; done before: ${done.map((one) => one.name).join(', ')}`;
    throw new StepError(error.code, message, { happened: 'unknown', cause: error });
  }
}

/** A refusal says that nothing happened, and knows nothing of what came before it. */
function tellStopped(name: string, error: unknown): never {
  if (!(error instanceof StepError)) throw error;
  const message = `${error.message}; container ${name} was stopped before, and is still there`;
  throw new StepError(error.code, message, { happened: 'unknown', cause: error });
}

interface Named {
  readonly name: string;
}

function describe(create: readonly Named[], remove: readonly Named[]): string {
  const parts = [
    ...(create.length === 0 ? [] : [`make ${create.map(({ name }) => name).join(', ')}`]),
    ...(remove.length === 0 ? [] : [`remove ${remove.map(({ name }) => name).join(', ')}`]),
  ];
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function createOutput(data: { from: number; to: number; create: readonly Named[]; remove: readonly Named[] }) {
  const { from, to, create, remove } = data;
  return { from, to, created: create.map(({ name }) => name), removed: remove.map(({ name }) => name) };
}
