import type Docker from 'dockerode';
import { describe, expect, test } from '@jest/globals';
import { scaleService } from '../../../src/remediations/docker/scale-service.ts';
import { startDockerProxy } from '../../support/docker-proxy.ts';
import { TEST_IMAGE } from '../../support/servers/docker.ts';
import { plan, PREFIX, run, type DockerStage, type StageContainer } from './stage.ts';

/** What Compose puts on the container of a service. */
export function composeLabels(service: string, number = 1): Record<string, string> {
  return {
    'com.docker.compose.project': PREFIX,
    'com.docker.compose.service': service,
    'com.docker.compose.container-number': String(number),
    'com.docker.compose.oneoff': 'False',
    'com.docker.compose.config-hash': 'c0ffee',
  };
}

/** The first container of a service, as Compose makes it. */
export function createService({ create }: DockerStage, service: string, options: StageContainer = {}): Promise<Docker.Container> {
  return create(`${service}-1`, { Labels: composeLabels(service), ...options });
}

export function testScales(stage: () => DockerStage): void {
  const namesOf = async (service: string): Promise<readonly string[]> => {
    const label = [`com.docker.compose.service=${service}`];
    const containers = await stage().engine.client.listContainers({ all: true, filters: { label } });
    return containers.map(({ Names }) => Names[0] ?? '').sort();
  };

  describe('docker.scale_service', () => {
    test('makes another container like the one that runs, with its own number, name and anonymous volumes', async () => {
      const { engine, context } = stage();
      const { client } = engine;
      const [front, back] = [`${PREFIX}-front`, `${PREFIX}-back`];
      for (const Name of [front, back]) await client.createNetwork({ Name });
      const first = await createService(stage(), 'web', {
        Env: ['SECRET=s3cret'],
        Volumes: { '/anonymous': {} },
        HostConfig: {
          NetworkMode: front,
          Binds: [`${PREFIX}-data:/data:ro`],
          Memory: 32 * 2 ** 20,
          RestartPolicy: { Name: 'always' },
        },
        NetworkingConfig: { EndpointsConfig: { [front]: { Aliases: ['web', `${PREFIX}-web-1`] } } },
        start: false,
      });
      await client.getNetwork(back).connect({ Container: first.id, EndpointConfig: { Aliases: ['web'] } });
      await first.start();
      const planned = await plan(scaleService, { project: PREFIX, service: 'web', by: 1 }, context());
      expect(planned).toMatchObject({
        summary: `scale service web of Compose project ${PREFIX} from 1 to 2: make ${PREFIX}-web-2`,
        touches: [`docker:local/${PREFIX}-web-2`],
        count: 1,
      });
      expect(JSON.stringify(planned)).not.toContain('s3cret');
      expect(await scaleService.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await scaleService.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      const output = await scaleService.run(planned, context());
      expect(output).toEqual({ from: 1, to: 2, created: [`${PREFIX}-web-2`], removed: [] });
      expect(await scaleService.look?.(planned, Date.now(), context())).toEqual({ state: 'done', output });
      await expect(scaleService.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });

      const [one, two] = [await first.inspect(), await client.getContainer(`${PREFIX}-web-2`).inspect()];
      expect(two.State.Running).toBe(true);
      expect(two.Image).toBe(one.Image);
      expect(two.Config).toMatchObject({ Env: one.Config.Env, Cmd: one.Config.Cmd, Hostname: two.Id.slice(0, 12) });
      expect(two.Config.Labels).toEqual({ ...one.Config.Labels, 'com.docker.compose.container-number': '2' });
      expect(two.HostConfig).toEqual(one.HostConfig);
      expect(two.NetworkSettings.Networks[front]?.Aliases).toEqual(expect.arrayContaining(['web', `${PREFIX}-web-2`]));
      expect(two.NetworkSettings.Networks[front]?.Aliases).not.toContain(`${PREFIX}-web-1`);
      expect(two.NetworkSettings.Networks[back]?.Aliases).toEqual(expect.arrayContaining(['web']));
      const mountOf = (details: Docker.ContainerInspectInfo, path: string) =>
        details.Mounts.find(({ Destination }) => Destination === path);
      expect(mountOf(two, '/data')).toEqual(mountOf(one, '/data'));
      expect(mountOf(two, '/anonymous')?.Name).toMatch(/^[0-9a-f]{64}$/);
      expect(mountOf(two, '/anonymous')?.Name).not.toBe(mountOf(one, '/anonymous')?.Name);
    });

    test('removes the highest numbers, and stays within its bounds', async () => {
      const { context } = stage();
      const params = { project: PREFIX, service: 'worker', stop_timeout: '1s' };
      await createService(stage(), 'worker');
      expect(await run(scaleService, { ...params, by: 5, max: 3 }, context())).toMatchObject({ from: 1, to: 3 });
      expect(await run(scaleService, { ...params, by: 1, max: 3 }, context())).toMatchObject({ from: 3, to: 3, created: [] });
      expect(await run(scaleService, { ...params, by: 1, max: 2 }, context())).toMatchObject({ from: 3, to: 3 });
      expect(await run(scaleService, { ...params, to: 2 }, context())).toMatchObject({ removed: [`${PREFIX}-worker-3`] });
      expect(await run(scaleService, { ...params, by: -9, min: 1 }, context())).toMatchObject({ from: 2, to: 1 });
      expect(await namesOf('worker')).toEqual([`/${PREFIX}-worker-1`]);
      for (const [more, code] of [
        [{}, 'missing_value'],
        [{ to: 2, by: 1 }, 'invalid_value'],
        [{ to: 11 }, 'invalid_value'],
        [{ to: 0 }, 'invalid_value'],
        [{ by: 1, min: 5, max: 4 }, 'invalid_value'],
        [{ by: 1, service: 'none' }, 'not_found'],
        [{ by: 1, project: '../x' }, 'invalid_value'],
      ] as const) {
        await expect(plan(scaleService, { ...params, ...more }, context())).rejects.toMatchObject({ code, happened: 'nothing' });
      }
    });

    test.each<[string, StageContainer, string]>([
      ['port', { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } }, 'a fixed port of the host'],
      ['host', { HostConfig: { NetworkMode: 'host' } }, 'network_mode: host'],
      ['named', { name: `${PREFIX}-a-name-of-its-own` }, 'container_name'],
      ['mac', { MacAddress: '02:42:ac:11:00:02' }, 'MAC address'],
    ])('refuses to grow where there can be only one: %s', async (service, options, reason) => {
      await createService(stage(), service, options);
      const failure = plan(scaleService, { project: PREFIX, service, to: 2 }, stage().context());
      await expect(failure).rejects.toMatchObject({ code: 'precondition_failed', message: expect.stringContaining(reason) });
    });

    test('refuses a fixed address, and to grow from nothing that runs', async () => {
      const { engine, context } = stage();
      const network = `${PREFIX}-fixed`;
      await engine.client.createNetwork({ Name: network, IPAM: { Config: [{ Subnet: '172.31.254.0/29' }] } });
      const EndpointsConfig = { [network]: { IPAMConfig: { IPv4Address: '172.31.254.3' } } };
      const fixed = await createService(stage(), 'fixed', {
        HostConfig: { NetworkMode: network },
        NetworkingConfig: { EndpointsConfig },
      });
      const params = { project: PREFIX, service: 'fixed', to: 2 };
      await expect(plan(scaleService, params, context())).rejects.toMatchObject({ message: expect.stringContaining('address') });
      await fixed.kill();
      await expect(plan(scaleService, params, context())).rejects.toMatchObject({
        message: expect.stringContaining('none to make'),
      });
    });

    test('touches no name outside allow, and never the container that we run in', async () => {
      const { context, connection } = stage();
      const first = await createService(stage(), 'guarded');
      const params = { project: PREFIX, service: 'guarded' };
      const strict = context({ connection: { ...connection, allow: [`${PREFIX}-guarded-1`] } });
      await expect(plan(scaleService, { ...params, to: 2 }, strict)).rejects.toMatchObject({ code: 'not_allowed' });
      const planned = await plan(scaleService, { ...params, to: 2 }, context());
      await expect(scaleService.run(planned, strict)).rejects.toMatchObject({ code: 'not_allowed', happened: 'nothing' });
      const own = context({ ownContainerId: first.id });
      await expect(plan(scaleService, { ...params, to: 0, min: 0 }, own)).rejects.toMatchObject({ code: 'self_harm' });
      expect(await namesOf('guarded')).toEqual([`/${PREFIX}-guarded-1`]);
    });

    test('leaves nothing half-made behind when a start fails, and says what it did before', async () => {
      const { engine, connection, context } = stage();
      await createService(stage(), 'half');
      const taken = await engine.client.createContainer({ name: `${PREFIX}-half-3`, Image: TEST_IMAGE, Cmd: ['true'] });
      const failure = run(scaleService, { project: PREFIX, service: 'half', to: 3 }, context());
      await expect(failure).rejects.toMatchObject({
        code: 'rejected',
        happened: 'unknown',
        message: expect.stringContaining(`done before: ${PREFIX}-half-2`),
      });
      await taken.remove();
      expect(await namesOf('half')).toEqual([`/${PREFIX}-half-1`, `/${PREFIX}-half-2`]);
      const allow = [
        'GET /containers/json',
        'GET /containers/{name}/json',
        'POST /containers/create',
        'DELETE /containers/{name}',
      ];
      await using proxy = await startDockerProxy(engine, { allow });
      const guarded = context({ connection: { ...connection, socket: proxy.socket } });
      const params = { project: PREFIX, service: 'half', to: 3 };
      await expect(run(scaleService, params, guarded)).rejects.toMatchObject({ code: 'permission_denied' });
      expect(await namesOf('half')).toEqual([`/${PREFIX}-half-1`, `/${PREFIX}-half-2`]);
    });

    test('does not say that nothing happened when it stopped or made a container that it may not remove', async () => {
      const { engine, connection, context } = stage();
      await createService(stage(), 'stuck');
      const allow = [
        'GET /containers/json',
        'GET /containers/{name}/json',
        'POST /containers/create',
        'POST /containers/{name}/stop',
      ];
      await using proxy = await startDockerProxy(engine, { allow });
      const guarded = context({ connection: { ...connection, socket: proxy.socket } });
      const params = { project: PREFIX, service: 'stuck' };
      await expect(run(scaleService, { ...params, to: 2 }, guarded)).rejects.toMatchObject({
        code: 'permission_denied',
        happened: 'unknown',
        message: expect.stringContaining('was made before'),
      });
      await engine.client.getContainer(`${PREFIX}-stuck-2`).remove();
      await expect(run(scaleService, { ...params, to: 0, min: 0 }, guarded)).rejects.toMatchObject({
        code: 'permission_denied',
        happened: 'unknown',
        message: expect.stringContaining('was stopped before'),
      });
      expect(await namesOf('stuck')).toEqual([`/${PREFIX}-stuck-1`]);
    });

    test('in doubt, a part goes on with `to` and is unknown with `by`', async () => {
      const { context, create } = stage();
      await createService(stage(), 'doubt');
      const params = { project: PREFIX, service: 'doubt' };
      const [to, by] = [
        await plan(scaleService, { ...params, to: 3 }, context()),
        await plan(scaleService, { ...params, by: 2 }, context()),
      ];
      const second = await create('doubt-2', { Labels: composeLabels('doubt', 2), start: false });
      const longAgo = Date.now() - 60_000;
      expect(await scaleService.look?.(to, longAgo, context())).toEqual({ state: 'unknown' });
      await second.start();
      expect(await scaleService.look?.(to, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await scaleService.look?.(to, longAgo, context())).toEqual({ state: 'not_done' });
      expect(await scaleService.look?.(by, longAgo, context())).toEqual({ state: 'unknown' });
      expect(await run(scaleService, { ...params, to: 3 }, context())).toMatchObject({ from: 2, created: [`${PREFIX}-doubt-3`] });
      expect(await scaleService.look?.(by, longAgo, context())).toMatchObject({ state: 'done' });
    });
  });
}
