import { expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { AnyRemediation, StepContext } from '../../../src/domain/remediation.ts';
import { SystemClock } from '../../../src/domain/system-clock.ts';
import { containerLogs } from '../../../src/remediations/docker/container-logs.ts';
import { containerStats } from '../../../src/remediations/docker/container-stats.ts';
import { diskUsage } from '../../../src/remediations/docker/disk-usage.ts';
import { inspectContainer } from '../../../src/remediations/docker/inspect-container.ts';
import { killContainer } from '../../../src/remediations/docker/kill-container.ts';
import { prune } from '../../../src/remediations/docker/prune.ts';
import { restartContainer } from '../../../src/remediations/docker/restart-container.ts';
import { restartInOrder } from '../../../src/remediations/docker/restart-in-order.ts';
import { rollbackContainer } from '../../../src/remediations/docker/rollback-container.ts';
import { scaleService } from '../../../src/remediations/docker/scale-service.ts';
import { startContainer } from '../../../src/remediations/docker/start-container.ts';
import { stopContainer } from '../../../src/remediations/docker/stop-container.ts';
import { updateContainer } from '../../../src/remediations/docker/update-container.ts';
import { startDockerProxy } from '../../support/docker-proxy.ts';
import { stepFailure } from '../../support/step-failure.ts';
import { composeLabels, createService } from './scales.ts';
import { PREFIX, run, type DockerStage } from './stage.ts';

const AHEAD = Object.assign(new SystemClock(), { now: () => Date.now() + 7_200_000 });

interface Scene {
  readonly remediation: AnyRemediation;
  readonly params: JsonObject;
  /** Makes what the step acts on. */
  readonly prepare: (stage: DockerStage, name: string) => Promise<unknown>;
  /** The documented requests that this scene needs; the first that changes something comes first. */
  readonly needs: readonly [string, ...string[]];
}

const NAME = `${PREFIX}-NAME`;
const INSPECT = 'GET /containers/{name}/json';
const LIST = 'GET /containers/json';

/** `NAME` in the parameters stands for what `prepare` was given. */
const SCENES: readonly (readonly [string, Scene])[] = [
  [
    'start_container',
    {
      remediation: startContainer,
      params: { container: NAME },
      prepare: ({ create }, name) => create(name, { start: false }),
      needs: ['POST /containers/{name}/start', INSPECT],
    },
  ],
  [
    'stop_container of a service',
    {
      remediation: stopContainer,
      params: { project: PREFIX, service: 'NAME', stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name, { Labels: composeLabels(name) }),
      needs: ['POST /containers/{name}/stop', LIST, INSPECT],
    },
  ],
  [
    'kill_container',
    {
      remediation: killContainer,
      params: { container: NAME, signal: 'HUP' },
      prepare: ({ create }, name) => create(name),
      needs: ['POST /containers/{name}/kill', INSPECT],
    },
  ],
  [
    'update_container',
    {
      remediation: updateContainer,
      params: { container: NAME, memory: '64MiB' },
      prepare: ({ create }, name) => create(name),
      needs: ['POST /containers/{name}/update', INSPECT, 'GET /containers/{name}/stats'],
    },
  ],
  [
    'restart_container',
    {
      remediation: restartContainer,
      params: { container: NAME, stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name),
      needs: ['POST /containers/{name}/restart', INSPECT],
    },
  ],
  [
    'restart_in_order',
    {
      remediation: restartInOrder,
      params: { containers: [NAME], stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name),
      needs: ['POST /containers/{name}/restart', INSPECT],
    },
  ],
  [
    'scale_service that grows',
    {
      remediation: scaleService,
      params: { project: PREFIX, service: 'NAME', to: 2 },
      prepare: async (stage, name) => {
        const { client } = stage.engine;
        const networks = [`${PREFIX}-${name}`, `${PREFIX}-${name}-second`] as const;
        for (const Name of networks) await client.createNetwork({ Name });
        const service = await createService(stage, name, { HostConfig: { NetworkMode: networks[0] } });
        await client.getNetwork(networks[1]).connect({ Container: service.id });
      },
      needs: ['POST /containers/create', LIST, INSPECT, 'POST /networks/{name}/connect', 'POST /containers/{name}/start'],
    },
  ],
  [
    'scale_service that shrinks',
    {
      remediation: scaleService,
      params: { project: PREFIX, service: 'NAME', to: 0, min: 0, stop_timeout: '1s' },
      prepare: createService,
      needs: ['POST /containers/{name}/stop', LIST, 'DELETE /containers/{name}'],
    },
  ],
  [
    'rollback_container',
    {
      remediation: rollbackContainer,
      params: { container: NAME, image: `${PREFIX}/privileges:previous`, healthy_within: '5s', stop_timeout: '1s' },
      prepare: async ({ create, createImage }, name) => {
        await createImage(`${PREFIX}/privileges:previous`, ['ENV A=1']);
        await create(name);
      },
      needs: [
        'POST /containers/{name}/stop',
        INSPECT,
        'GET /images/{image}/json',
        'POST /containers/{name}/rename',
        'POST /containers/create',
      ],
    },
  ],
  [
    'inspect_container of a service',
    {
      remediation: inspectContainer,
      params: { project: PREFIX, service: 'NAME' },
      prepare: createService,
      needs: [INSPECT, LIST],
    },
  ],
  [
    'container_logs',
    {
      remediation: containerLogs,
      params: { container: NAME },
      prepare: ({ create }, name) => create(name),
      needs: ['GET /containers/{name}/logs', INSPECT],
    },
  ],
  [
    'container_stats by a pattern',
    {
      remediation: containerStats,
      params: { container: `${NAME}*` },
      prepare: ({ create }, name) => create(name),
      needs: ['GET /containers/{name}/stats', LIST],
    },
  ],
  ['disk_usage', { remediation: diskUsage, params: {}, prepare: () => Promise.resolve(), needs: ['GET /system/df'] }],
  [
    'prune of images',
    {
      remediation: prune,
      params: { what: 'images', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ createImage }, name) => createImage(undefined, [`LABEL privileges=${name}`]),
      needs: ['DELETE /images/{image}', 'GET /system/df', 'GET /images/{image}/json', LIST],
    },
  ],
  [
    'prune of containers',
    {
      remediation: prune,
      params: { what: 'containers', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ create }, name) => create(name, { start: false, Labels: { privileges: name } }),
      needs: ['DELETE /containers/{name}', LIST, INSPECT],
    },
  ],
  [
    'prune of volumes',
    {
      remediation: prune,
      params: { what: 'volumes', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ engine }, name) => engine.client.createVolume({ Name: `${PREFIX}-${name}`, Labels: { privileges: name } }),
      needs: ['DELETE /volumes/{name}', 'GET /system/df', 'GET /volumes/{name}', LIST],
    },
  ],
  [
    'prune of networks',
    {
      remediation: prune,
      params: { what: 'networks', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ engine }, name) => engine.client.createNetwork({ Name: `${PREFIX}-${name}`, Labels: { privileges: name } }),
      needs: ['DELETE /networks/{name}', 'GET /networks', LIST],
    },
  ],
];

/** The requests that the notes of a remediation tell the reader to let through; `/logs` stands for one beside the inspection. */
function documentedRequests({ notes }: AnyRemediation): readonly string[] {
  const whole = [...notes.matchAll(/`((?:GET|POST|DELETE) \/[^`]+)`/g)].map(([, request = '']) => request);
  const parts = [...notes.matchAll(/`(\/(?:logs|stats))`/g)].map(([, part = '']) => `GET /containers/{name}${part}`);
  return [...whole, ...parts];
}

function fillIn(params: JsonObject, name: string): JsonObject {
  return JSON.parse(JSON.stringify(params).replaceAll('NAME', name)) as JsonObject;
}

export function testPrivileges(stage: () => DockerStage): void {
  const through = (socket: string, overrides: Partial<StepContext> = {}): StepContext =>
    stage().context({ connection: { ...stage().connection, socket }, clock: AHEAD, ...overrides });

  test.each(SCENES)('least privilege: %s', async (title, { remediation, params, prepare, needs }) => {
    const name = title.replaceAll(/[^a-z]+/g, '');
    const given = fillIn(params, name);
    const documented = documentedRequests(remediation);
    await prepare(stage(), name);

    for (const missing of needs) {
      const allow = documented.filter((request) => request !== missing);
      await using less = await startDockerProxy(stage().engine, { allow });
      const failure = await stepFailure(run(remediation, given, through(less.socket)));
      expect(failure.code).toBe('permission_denied');
      const request = missing.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^`]+');
      expect(failure.message).toMatch(new RegExp(`let \`${request}\` through`));
    }

    const controller = new AbortController();
    const onHang = (): void => controller.abort(new DOMException('late', 'TimeoutError'));
    await using hanging = await startDockerProxy(stage().engine, { allow: documented, hang: needs[0], onHang });
    const late = run(remediation, given, through(hanging.socket, { signal: controller.signal }));
    const happened = needs[0].startsWith('GET') ? 'nothing' : 'unknown';
    await expect(late).rejects.toMatchObject({ code: 'timeout', happened });

    await using whole = await startDockerProxy(stage().engine, { allow: documented });
    await run(remediation, given, through(whole.socket));
    expect([...whole.used]).toEqual(expect.arrayContaining([...needs]));
  });

  test('a rollback that may not start anything says where the old container is; one that may not remove it has it left', async () => {
    const { engine, create, createImage } = stage();
    await createImage(`${PREFIX}/privileges:previous`, ['ENV A=1']);
    const documented = documentedRequests(rollbackContainer);
    const rollBack = async (name: string, missing: string): Promise<JsonObject> => {
      await create(name);
      await using less = await startDockerProxy(engine, { allow: documented.filter((request) => request !== missing) });
      const params = { container: `${PREFIX}-${name}`, image: `${PREFIX}/privileges:previous`, healthy_within: '5s' };
      return await run(rollbackContainer, { ...params, stop_timeout: '1s' }, through(less.socket));
    };
    expect(await stepFailure(rollBack('privileges-start', 'POST /containers/{name}/start'))).toMatchObject({
      code: 'permission_denied',
      happened: 'unknown',
      message: expect.stringContaining('could not be put back'),
    });
    expect(await rollBack('privileges-remove', 'DELETE /containers/{name}')).toMatchObject({
      left_over: expect.stringMatching(/^remedyd-change-privileges-remove-remedyd-replaced-[0-9a-f]{12}$/),
    });
  });
}
