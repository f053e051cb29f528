import type { DockerConnection } from '../../domain/connection.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { callDocker } from './call-docker.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp, type ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { findContainer } from './find-container.ts';
import { matchesName } from './matches-name.ts';

/** The request is sent within this time after the step was journaled, or not at all; so `look` knows how long it may be under way. */
const SEND_WITHIN_MS = 5_000;
/** What the engine may take besides the stop timeout, to kill the process and to start it again. */
const SLACK_MS = 15_000;
const LOOK_AGAIN_MS = 1_000;

interface RestartData {
  readonly [key: string]: Json;
  readonly id: string;
  readonly name: string;
  readonly startedAt: string;
  readonly stopTimeoutMs: number;
}

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
  params: {
    ...SELECTION_PARAMS,
    stop_timeout: {
      type: 'duration',
      default: '10s',
      max: 3_600_000,
      description:
        "How long the container may take to stop before it is killed; shorter than the step's timeout. Rounded up to seconds.",
    },
  },
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
    const stopTimeoutMs = Math.ceil(params.stop_timeout / 1_000) * 1_000;
    if (stopTimeoutMs >= context.timeoutMs) {
      const message = `stop_timeout ${formatDuration(stopTimeoutMs)} has to be shorter than what is left of the step's timeout, ${formatDuration(context.timeoutMs)}`;
      throw new StepError('invalid_value', message, { happened: 'nothing' });
    }
    const details = await findContainer(await connectDocker(context.connection), selection, context.signal);
    requireChangeable(details, context);
    const data: RestartData = { id: details.id, name: details.name, startedAt: details.startedAt, stopTimeoutMs };
    return {
      summary: `restart container ${details.name} (${details.state}, started ${toTimestamp(details.startedAt)})`,
      identity: { container: details.name, id: details.id },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { id, name, startedAt, stopTimeoutMs } = plan.data;
    const { clock, signal } = context;
    const begunAt = clock.monotonic();
    const docker = await connectDocker(context.connection);
    const before = await findContainer(docker, { by: 'name', name }, signal);
    requireChangeable(before, context);
    if (before.id !== id || before.startedAt !== startedAt) {
      const change =
        before.id === id ? `was started at ${toTimestamp(before.startedAt)}` : 'was replaced by another of that name';
      throw new StepError('precondition_failed', `container ${name} ${change} since the plan was made; nothing was done`, {
        happened: 'nothing',
      });
    }
    if (clock.monotonic() - begunAt > SEND_WITHIN_MS) {
      throw new StepError('unavailable', `the engine was too slow to inspect container ${name}; nothing was done`, {
        happened: 'nothing',
      });
    }
    const call = { what: `restarting container ${name}`, signal, isChange: true };
    await callDocker(call, () => docker.getContainer(id).restart({ t: stopTimeoutMs / 1_000, abortSignal: signal }));
    const after = await confirmStart(() => findContainer(docker, { by: 'name', name }, signal), name);
    return createOutput(after, startedAt, Math.round(clock.monotonic() - begunAt));
  },

  async look(plan, startedAt, context) {
    const { id, name, startedAt: previousStart, stopTimeoutMs } = plan.data;
    const current = await findUnlessGone(context, name);
    if (current?.id !== id) return { state: 'unknown' };
    const elapsedMs = context.clock.now() - startedAt;
    if (current.startedAt !== previousStart)
      return { state: 'done', output: createOutput(current, previousStart, Math.max(0, elapsedMs)) };
    const leftMs = SEND_WITHIN_MS + stopTimeoutMs + SLACK_MS - elapsedMs;
    return leftMs > 0 ? { state: 'wait', ms: Math.min(leftMs, LOOK_AGAIN_MS) } : { state: 'not_done' };
  },
});

function requireChangeable(details: ContainerDetails, context: StepContext<'docker'>): void {
  const { connection, ownContainerId } = context;
  if (!isAllowed(connection, details.name)) {
    const message = `container "${details.name}" is not in \`allow\` of the docker connection "${connection.name}"`;
    throw new StepError('not_allowed', message, { happened: 'nothing' });
  }
  // Our own id may be known by its first digits only, as the host name of a container has it.
  if (ownContainerId !== undefined && ownContainerId !== '' && details.id.startsWith(ownContainerId)) {
    throw new StepError('self_harm', `container "${details.name}" is the one that remedyd runs in`, { happened: 'nothing' });
  }
}

function isAllowed(connection: DockerConnection, name: string): boolean {
  return connection.allow.some((pattern) => matchesName(pattern, name));
}

/** The restart was made; whatever fails now, `look` can find it. */
async function confirmStart(find: () => Promise<ContainerDetails>, name: string): Promise<ContainerDetails> {
  try {
    return await find();
  } catch (cause) {
    const code = cause instanceof StepError ? cause.code : 'internal_error';
    throw new StepError(code, `container ${name} was restarted, but could not be inspected afterwards`, {
      happened: 'unknown',
      cause,
    });
  }
}

async function findUnlessGone(context: StepContext<'docker'>, name: string): Promise<ContainerDetails | undefined> {
  try {
    return await findContainer(await connectDocker(context.connection), { by: 'name', name }, context.signal);
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}

function createOutput(details: ContainerDetails, previousStart: string, took: number) {
  return {
    container: details.name,
    id: details.id,
    started_at: toTimestamp(details.startedAt),
    previous_started_at: toTimestamp(previousStart),
    took,
  };
}
