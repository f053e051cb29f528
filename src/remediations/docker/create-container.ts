import type Docker from 'dockerode';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { sendRemove } from './change-requests.ts';
import type { ContainerCopy } from './container-copy.ts';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const createdSchema = z.object({ Id: z.string().min(1) });

/** Makes a container and lets it join its networks; it is not started. Gives its id. The image has to be there: nothing is pulled. */
export async function createContainer(docker: Docker, name: string, copy: ContainerCopy, signal: AbortSignal): Promise<string> {
  const what = `creating container ${name}`;
  const request = { what, method: 'POST', path: '/containers/create', query: { name }, body: copy.body } as const;
  const { Id } = parseEngineAnswer(createdSchema, await requestEngine(docker, request, signal), what, 'unknown');
  await orRemove(docker, { id: Id, name }, signal, () => joinNetworks(docker, Id, name, copy.networks, signal));
  return Id;
}

/**
 * Does something with a container that was just made, and removes it when that fails: half-made it helps nobody. When it cannot
 * be removed, or there is no time left for that, the outcome is unknown, whatever the failure itself says.
 */
export async function orRemove(
  docker: Docker,
  created: { readonly id: string; readonly name: string },
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    // The first failure says what is wrong. After a stop `look` finds what was left.
    const isRemoved = !signal.aborted && (await isGone(sendRemove(docker, created, true, signal)));
    if (isRemoved || !(error instanceof StepError)) throw error;
    const message = `${error.message}; container ${created.name} was made before, and is still there`;
    throw new StepError(error.code, message, { happened: 'unknown', cause: error });
  }
}

function isGone(removal: Promise<void>): Promise<boolean> {
  return removal.then(
    () => true,
    () => false,
  );
}

/** One by one, because engines before version 25 take only one network when they create. */
async function joinNetworks(
  docker: Docker,
  id: string,
  name: string,
  networks: ContainerCopy['networks'],
  signal: AbortSignal,
): Promise<void> {
  for (const { name: network, endpoint } of networks) {
    await requestEngine(
      docker,
      {
        what: `connecting container ${name} to network ${network}`,
        method: 'POST',
        path: `/networks/${encodeURIComponent(network)}/connect`,
        body: { Container: id, EndpointConfig: endpoint },
      },
      signal,
    );
  }
}
