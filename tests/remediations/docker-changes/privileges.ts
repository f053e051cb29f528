import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { AnyRemediation, StepContext } from '../../../src/domain/remediation.ts';
import { SystemClock } from '../../../src/domain/system-clock.ts';
import { diskUsage } from '../../../src/remediations/docker/disk-usage.ts';
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
import { plan, PREFIX, run, type DockerStage } from './stage.ts';

const AHEAD = Object.assign(new SystemClock(), { now: () => Date.now() + 7_200_000 });

interface Scene {
  readonly remediation: AnyRemediation;
  readonly params: JsonObject;
  /** Makes what the step acts on, once more for each time it runs. */
  readonly prepare: (stage: DockerStage, name: string) => Promise<unknown>;
  /** The request that changes something. */
  readonly acts: string;
}

const NAME = `${PREFIX}-NAME`;

/** `NAME` in the parameters stands for what `prepare` was given. */
const SCENES: readonly (readonly [string, Scene])[] = [
  [
    'start_container',
    {
      remediation: startContainer,
      params: { container: NAME },
      prepare: ({ create }, name) => create(name, { start: false }),
      acts: 'POST /containers/{name}/start',
    },
  ],
  [
    'stop_container of a service',
    {
      remediation: stopContainer,
      params: { project: PREFIX, service: 'NAME', stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name, { Labels: composeLabels(name) }),
      acts: 'POST /containers/{name}/stop',
    },
  ],
  [
    'kill_container',
    {
      remediation: killContainer,
      params: { container: NAME, signal: 'HUP' },
      prepare: ({ create }, name) => create(name),
      acts: 'POST /containers/{name}/kill',
    },
  ],
  [
    'update_container',
    {
      remediation: updateContainer,
      params: { container: NAME, memory: '64MiB' },
      prepare: ({ create }, name) => create(name),
      acts: 'POST /containers/{name}/update',
    },
  ],
  [
    'restart_container',
    {
      remediation: restartContainer,
      params: { container: NAME, stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name),
      acts: 'POST /containers/{name}/restart',
    },
  ],
  [
    'restart_in_order',
    {
      remediation: restartInOrder,
      params: { containers: [NAME], stop_timeout: '1s' },
      prepare: ({ create }, name) => create(name),
      acts: 'POST /containers/{name}/restart',
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
      acts: 'POST /containers/create',
    },
  ],
  [
    'scale_service that shrinks',
    {
      remediation: scaleService,
      params: { project: PREFIX, service: 'NAME', to: 0, min: 0, stop_timeout: '1s' },
      prepare: createService,
      acts: 'POST /containers/{name}/stop',
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
      acts: 'POST /containers/{name}/stop',
    },
  ],
  ['disk_usage', { remediation: diskUsage, params: {}, prepare: () => Promise.resolve(), acts: 'GET /system/df' }],
  [
    'prune of images',
    {
      remediation: prune,
      params: { what: 'images', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ createImage }, name) => createImage(undefined, [`LABEL privileges=${name}`]),
      acts: 'DELETE /images/{image}',
    },
  ],
  [
    'prune of containers',
    {
      remediation: prune,
      params: { what: 'containers', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ create }, name) => create(name, { start: false, Labels: { privileges: name } }),
      acts: 'DELETE /containers/{name}',
    },
  ],
  [
    'prune of volumes',
    {
      remediation: prune,
      params: { what: 'volumes', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ engine }, name) => engine.client.createVolume({ Name: `${PREFIX}-${name}`, Labels: { privileges: name } }),
      acts: 'DELETE /volumes/{name}',
    },
  ],
  [
    'prune of networks',
    {
      remediation: prune,
      params: { what: 'networks', older_than: '1h', labels: ['privileges=NAME'] },
      prepare: ({ engine }, name) => engine.client.createNetwork({ Name: `${PREFIX}-${name}`, Labels: { privileges: name } }),
      acts: 'DELETE /networks/{name}',
    },
  ],
];

/** The requests that the notes of a remediation tell the reader to let through. */
function documentedRequests({ notes }: AnyRemediation): readonly string[] {
  return [...notes.matchAll(/`((?:GET|POST|DELETE) \/[^`]+)`/g)].map(([, request = '']) => request);
}

function fillIn(params: JsonObject, name: string): JsonObject {
  return JSON.parse(JSON.stringify(params).replaceAll('NAME', name)) as JsonObject;
}

export function testPrivileges(stage: () => DockerStage): void {
  const through = (socket: string, overrides: Partial<StepContext> = {}): StepContext =>
    stage().context({ connection: { ...stage().connection, socket }, clock: AHEAD, ...overrides });

  describe.each(SCENES)('least privilege: %s', (title, { remediation, params, prepare, acts }) => {
    const prefix = title.replaceAll(/[^a-z]+/g, '');

    test('the documented requests are enough, and one less is permission_denied that names it', async () => {
      const documented = documentedRequests(remediation);
      await prepare(stage(), `${prefix}all`);
      await using whole = await startDockerProxy(stage().engine, { allow: documented });
      await run(remediation, fillIn(params, `${prefix}all`), through(whole.socket));
      expect(whole.used).toContain(acts);
      for (const [index, missing] of [...whole.used].entries()) {
        const name = `${prefix}${'abcdefghij'[index] ?? ''}`;
        await prepare(stage(), name);
        await using less = await startDockerProxy(stage().engine, { allow: documented.filter((request) => request !== missing) });
        const attempt = run(remediation, fillIn(params, name), through(less.socket));
        if (remediation === rollbackContainer && missing.startsWith('DELETE')) {
          // The rollback itself has succeeded by then.
          expect(await attempt).toMatchObject({ left_over: expect.stringContaining('-remedyd-replaced-') });
          continue;
        }
        const failure = await stepFailure(attempt);
        expect(failure.code).toBe('permission_denied');
        const request = missing.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^`]+');
        expect(failure.message).toMatch(new RegExp(`let \`${request}\` through`));
      }
    });

    test('an engine that hangs is left when the time is up', async () => {
      const name = `${prefix}hang`;
      await prepare(stage(), name);
      const controller = new AbortController();
      const onHang = (): void => controller.abort(new DOMException('late', 'TimeoutError'));
      await using proxy = await startDockerProxy(stage().engine, { allow: documentedRequests(remediation), hang: acts, onHang });
      const planned = await plan(remediation, fillIn(params, name), stage().context({ clock: AHEAD }));
      const failure = remediation.run(planned, through(proxy.socket, { signal: controller.signal }));
      const happened = acts.startsWith('GET') ? 'nothing' : 'unknown';
      await expect(failure).rejects.toMatchObject({ code: 'timeout', happened });
    });
  });
}
