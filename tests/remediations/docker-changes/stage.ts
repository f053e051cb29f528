import type Docker from 'dockerode';
import { z } from 'zod';
import type { DockerConnection } from '../../../src/domain/connection.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { parseParameters } from '../../../src/domain/parameter.ts';
import type { AnyRemediation, Plan, StepContext } from '../../../src/domain/remediation.ts';
import { startDocker, TEST_IMAGE, type TestDocker } from '../../support/servers/docker.ts';
import { createStepContext } from '../../support/step-context.ts';

/** All that these tests make has a name that begins so. */
export const PREFIX = 'remedyd-change';
/** Ends at once on SIGTERM, unlike most first processes of a container. */
export const STOPS_AT_ONCE = ['sh', '-c', "trap 'exit 0' TERM; sleep 86400 & wait"];
export const OUTLIVES_SIGTERM = ['sh', '-c', "trap '' TERM; sleep 86400 & wait"];

const committedSchema = z.object({ Id: z.string() });

/** One engine for all of the files of this folder. */
export interface DockerStage {
  readonly engine: TestDocker;
  readonly connection: DockerConnection;
  context(overrides?: Partial<StepContext>): StepContext;
  /** Makes a container from the test image, and starts it unless told otherwise. Its name gets the prefix. */
  create(name: string, options?: StageContainer): Promise<Docker.Container>;
  /** An image made from the test image with instructions of a Dockerfile; gives its id. */
  createImage(ref: string | undefined, changes: readonly string[]): Promise<string>;
}

export interface StageContainer extends Docker.ContainerCreateOptions {
  readonly start?: boolean;
}

export async function createStage(): Promise<DockerStage & { stop(): Promise<void> }> {
  const engine = await startDocker();
  const { client } = engine;
  const target = engine.socket === undefined ? { host: engine.host } : { socket: engine.socket };
  const connection: DockerConnection = {
    kind: 'docker',
    name: 'local',
    allow: [`${PREFIX}-*`],
    allowPrune: true,
    ...target,
  };
  const create: DockerStage['create'] = async (name, { start = true, ...options } = {}) => {
    const { HostConfig, ...rest } = options;
    const container = await client.createContainer({
      name: `${PREFIX}-${name}`,
      Image: TEST_IMAGE,
      Cmd: STOPS_AT_ONCE,
      HostConfig: { NetworkMode: 'none', ...HostConfig },
      ...rest,
    });
    if (start) await container.start();
    return container;
  };
  return {
    engine,
    connection,
    create,
    context: (overrides = {}) => createStepContext(connection, overrides),
    createImage: async (ref, changes) => {
      const container = await create(`image-${Math.random().toString(36).slice(2)}`, { start: false });
      const [repo, tag] = ref?.split(':') ?? [];
      const answer: unknown = await container.commit({
        changes: changes.join('\n'),
        ...(repo === undefined ? {} : { repo, tag }),
      });
      await container.remove();
      return committedSchema.parse(answer).Id;
    },
    stop: async () => {
      await removeOwn(client);
      await engine.stop();
    },
  };
}

export function plan(remediation: AnyRemediation, given: JsonObject, context: StepContext): Promise<Plan> {
  return remediation.plan(
    parseParameters(remediation.params, given, () => true),
    context,
  );
}

export async function run(remediation: AnyRemediation, given: JsonObject, context: StepContext): Promise<JsonObject> {
  return remediation.run(await plan(remediation, given, context), context);
}

async function removeOwn(client: Docker): Promise<void> {
  const containers = await client.listContainers({ all: true, filters: { name: [PREFIX] } });
  await Promise.all(containers.map(({ Id }) => client.getContainer(Id).remove({ force: true, v: true })));
  const networks = await client.listNetworks({ filters: { name: [PREFIX] } });
  await Promise.all(networks.map(({ Id }) => client.getNetwork(Id).remove()));
  const { Volumes } = await client.listVolumes({ filters: { name: [PREFIX] } });
  await Promise.all(Volumes.map(({ Name }) => client.getVolume(Name).remove()));
  const images = await client.listImages({ filters: { reference: [`${PREFIX}/*`] } });
  await Promise.all(images.map(({ Id }) => client.getImage(Id).remove({ force: true })));
}
