import type Docker from 'dockerode';
import { formatDuration } from '../../domain/duration.ts';
import { defineRemediation, StepError, type Look } from '../../domain/remediation.ts';
import { sendRemove, sendRename, sendStart, sendStop } from './change-requests.ts';
import { connectDocker } from './connect-docker.ts';
import type { ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { copyWithImage } from './copy-with-image.ts';
import { createContainer } from './create-container.ts';
import { findContainer } from './find-container.ts';
import { findImage, type Image } from './find-image.ts';
import { parseImageReference, previousOf } from './image-reference.ts';
import { findPlanned, planContainer } from './planned-container.ts';
import { readRawContainer } from './raw-container.ts';
import { asideName, putBack, readReplacement, type PlannedReplacement } from './replacement.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { isAllowed, requireChangeable } from './require-changeable.ts';
import { requireKeptAtStop } from './require-kept-at-stop.ts';
import { roundStopTimeout, STOP_TIMEOUT_PARAM } from './stop-timeout.ts';
import { isUp, waitUntilUp } from './wait-until-up.ts';

const LOOK_AGAIN_MS = 1_000;

interface RollbackData extends PlannedReplacement {
  /** The new image by its name, and what that means. */
  readonly image: string;
  readonly imageId: string;
  readonly previousImage: string;
  readonly stopTimeoutMs: number;
  readonly healthyWithinMs: number;
}

/** Makes a container again from its previous image, and puts the old one back when the new one does not come up. */
export const rollbackContainer = defineRemediation({
  name: 'docker.rollback_container',
  summary: 'Replaces one container by the same with another image, by default its repository with the tag `previous`.',
  notes: [
    [
      'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through',
      '- `GET /containers/{name}/json`, `GET /images/{image}/json`; for Compose services also `GET /containers/json`',
      '- `POST /containers/{name}/stop`, `POST /containers/{name}/rename`, `POST /containers/create`, `POST /containers/{name}/start`, `DELETE /containers/{name}`; with several networks also `POST /networks/{name}/connect`',
    ].join('\n'),
    'Whoever may create containers may do everything on that machine, and a socket proxy cannot tell one container from another: use a connection of its own for this.',
    "The image has to be on the machine already: nothing is pulled. Tag the good one `previous` when you deploy. The new container gets the old one's settings, networks, aliases, mounts and anonymous volumes; what is as the old image says is taken from the new one, also an environment variable or label that was given with the very value of the old image: it gets the new image's value, or is gone when that has none. Its label `remedyd.replaces` has the old one's id.",
    'The old container is stopped, and waits as `NAME-remedyd-replaced-ID` until the new one is healthy, or has run for two seconds when it has no health check. Then it is removed; should that fail, `left_over` has its name. When the new one does not come up within `healthy_within`, or anything else fails, it is removed and the old one gets its name back and is started: the step has failed, and nothing has changed.',
    'After a crash or a timeout in the middle the step looks how far it came: the new container is up, it is done; it is not up, the old one is put back; neither can be found, or another container has the name, the outcome is unknown and a person is asked.',
    'Refused: a container that is removed when it stops, that has links of the old kind, or that runs the image already. Containers that share its network (`container:NAME`) lose it.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    ...SELECTION_PARAMS,
    image: {
      type: 'string',
      description: 'The image, by a name that the engine has; default: the same repository, tag `previous`.',
    },
    healthy_within: {
      type: 'duration',
      default: '1m',
      min: 3_000,
      max: 3_600_000,
      description: "How long the new container may take to come up; with `stop_timeout` less than the step's timeout.",
    },
    stop_timeout: STOP_TIMEOUT_PARAM,
  },
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'The id of the new one.' },
    previous_id: { type: 'string', description: 'The id of the old one.' },
    image: { type: 'string', description: 'The image it is made from now.' },
    previous_image: { type: 'string', description: 'The image it was made from, as it was named then.' },
    health: { type: 'string', description: '`healthy`, or `none` without a health check.' },
    left_over: { type: 'string', description: 'The name of the old container if it could not be removed, else empty.' },
  },
  example: {
    container: 'web-1',
    id: '9d0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b',
    previous_id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    image: 'registry.example.com/web:previous',
    previous_image: 'registry.example.com/web:1.4',
    health: 'healthy',
    left_over: '',
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const { connection, signal } = context;
    const selection = parseSelection(params);
    const given = params.image === undefined ? undefined : parseImageReference(params.image);
    const stopTimeoutMs = requireTime(params.stop_timeout, params.healthy_within, context.timeoutMs);
    const docker = await connectDocker(connection);
    const details = await findContainer(docker, selection, signal);
    requireChangeable(details, context);
    requireKeptAtStop(details);
    const ref = given ?? previousOf(details.image);
    const image = await requireImage(docker, ref, signal);
    if (image.id === details.imageId) {
      const message = `container ${details.name} runs the image ${ref} already`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    requireNoLinks(details.name, (await readRawContainer(docker, details.id, details.name, signal)).HostConfig.Links);
    const data: RollbackData = {
      ...planContainer(details),
      wasRunning: details.isRunning,
      image: ref,
      imageId: image.id,
      previousImage: details.image,
      stopTimeoutMs,
      healthyWithinMs: params.healthy_within,
    };
    return {
      summary: `roll container ${details.name} back from image ${details.image} to ${ref} (${image.id.slice(0, 19)})`,
      identity: { container: details.name, id: details.id, image: ref, image_id: image.id },
      touches: [`docker:${connection.name}/${details.name}`],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { data } = plan;
    const { signal } = context;
    const { docker } = await findPlanned(data, context);
    const raw = await readRawContainer(docker, data.id, data.name, signal);
    const image = await requireImage(docker, data.image, signal);
    if (image.id !== data.imageId) {
      const message = `${data.image} is another image than when the plan was made; nothing was done`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    const copy = copyWithImage(raw, await requireImage(docker, raw.Image, signal), data.image);
    try {
      await sendStop(docker, data, data.stopTimeoutMs, signal);
      await sendRename(docker, data, asideName(data), signal);
      const id = await createContainer(docker, data.name, copy, signal);
      await sendStart(docker, { id, name: data.name }, signal);
      return await finish(
        docker,
        data,
        await waitUntilUp(docker, { id, name: data.name }, data.healthyWithinMs, context),
        signal,
      );
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      // When the time is up, or the daemon stops, there is none left to put anything back: `look` does, and only in doubt.
      if (signal.aborted) throw new StepError(error.code, error.message, { happened: 'unknown', cause: error });
      throw await undo(docker, data, error, signal);
    }
  },

  async look(plan, startedAt, context): Promise<Look> {
    const { data } = plan;
    const { signal } = context;
    // It may have to change something, so what guards a change guards this.
    if (!isAllowed(data.name, context.connection)) return { state: 'unknown' };
    const docker = await connectDocker(context.connection);
    const now = context.clock.now();
    const state = await readReplacement(docker, data, signal);
    switch (state.kind) {
      case 'foreign':
        return { state: 'unknown' };
      case 'untouched':
        return lookAgainUntilOver(startedAt, data.stopTimeoutMs, now);
      case 'replaced': {
        if (isUp(state.new)) return { state: 'done', output: await finish(docker, data, state.new, signal) };
        if (state.old === undefined) return { state: 'unknown' };
        const mayComeUp = now < startedAt + data.stopTimeoutMs + data.healthyWithinMs;
        if (mayComeUp && state.new.isRunning) return { state: 'wait', ms: LOOK_AGAIN_MS };
        break;
      }
      case 'stopped':
      case 'aside':
        break;
    }
    await putBack(docker, data, signal);
    return { state: 'not_done' };
  },
});

function requireTime(stopTimeout: number, healthyWithinMs: number, timeoutMs: number): number {
  const stopTimeoutMs = roundStopTimeout(stopTimeout, timeoutMs);
  if (stopTimeoutMs + healthyWithinMs < timeoutMs) return stopTimeoutMs;
  const message = `stop_timeout and healthy_within, ${formatDuration(stopTimeoutMs + healthyWithinMs)}, have to be shorter than what is left of the step's timeout, ${formatDuration(timeoutMs)}`;
  throw new StepError('invalid_value', message, { happened: 'nothing' });
}

async function requireImage(docker: Docker, ref: string, signal: AbortSignal): Promise<Image> {
  const image = await findImage(docker, ref, signal);
  if (image !== undefined) return image;
  throw new StepError('not_found', `there is no image ${ref} on the engine's machine, and none is pulled`, {
    happened: 'nothing',
  });
}

function requireNoLinks(name: string, links: readonly string[]): void {
  if (links.length === 0) return;
  throw new StepError('precondition_failed', `container ${name} has links of the old kind, which cannot be copied`, {
    happened: 'nothing',
  });
}

/** The new container is up: the old one goes, and should it not, that is no failure of the rollback. */
async function finish(docker: Docker, data: RollbackData, details: ContainerDetails, signal: AbortSignal) {
  const aside = asideName(data);
  const leftOver = (await isRemoved(docker, { id: data.id, name: aside }, signal)) ? '' : aside;
  return {
    container: data.name,
    id: details.id,
    previous_id: data.id,
    image: data.image,
    previous_image: data.previousImage,
    health: details.health,
    left_over: leftOver,
  };
}

async function isRemoved(
  docker: Docker,
  old: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await sendRemove(docker, old, false, signal);
    return true;
  } catch (error) {
    // Then nobody knows whether it is gone: `look` sees.
    if (!(error instanceof StepError) || signal.aborted) throw error;
    return error.code === 'not_found';
  }
}

/** Puts the old container back: the failure as it is to be reported. */
async function undo(docker: Docker, data: RollbackData, failure: StepError, signal: AbortSignal): Promise<StepError> {
  try {
    await putBack(docker, data, signal);
  } catch (cause) {
    const why = cause instanceof StepError ? cause.message : 'it failed';
    const message = `${failure.message}; the old container could not be put back, it is ${data.name} or ${asideName(data)}: ${why}`;
    return new StepError(failure.code, message, { happened: 'unknown', cause });
  }
  return new StepError(failure.code, `${failure.message}; the old container was put back`, {
    happened: 'nothing',
    cause: failure,
  });
}
