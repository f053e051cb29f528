import { beforeAll, describe, expect, test } from '@jest/globals';
import { rollbackContainer } from '../../../src/remediations/docker/rollback-container.ts';
import { startDockerProxy } from '../../support/docker-proxy.ts';
import { waitUntil } from '../../support/daemon-wait.ts';
import { plan, PREFIX, run, type DockerStage, type StageContainer } from './stage.ts';

const SECOND = 1e9;
const REPOSITORY = `${PREFIX}/app`;
const SERVE = `CMD ["sh", "-c", "trap 'exit 0' TERM; touch /ready; sleep 86400 & wait"]`;
const HEALTH = { Test: ['CMD', 'test', '-e', '/ready'], Interval: SECOND / 4, Timeout: SECOND, Retries: 1 };
/** So that the images' command is what runs. */
const OF_IMAGE = { Cmd: [] as string[] };

export function testRollback(stage: () => DockerStage): void {
  let images: { readonly current: string; readonly previous: string; readonly broken: string };

  beforeAll(async () => {
    const { createImage } = stage();
    images = {
      current: await createImage(`${REPOSITORY}:current`, [SERVE, 'ENV VERSION=2 BOTH=same', 'LABEL version=2']),
      previous: await createImage(`${REPOSITORY}:previous`, [SERVE, 'ENV VERSION=1', 'LABEL version=1', 'USER 0:0']),
      broken: await createImage(`${REPOSITORY}:broken`, ['CMD ["false"]']),
    };
  });

  const createApp = (name: string, options: StageContainer = {}) =>
    stage().create(name, { Image: `${REPOSITORY}:current`, ...OF_IMAGE, Healthcheck: HEALTH, ...options });
  const inspect = (name: string) => stage().engine.client.getContainer(`${PREFIX}-${name}`).inspect();
  const namesLike = async (name: string): Promise<readonly string[]> => {
    const containers = await stage().engine.client.listContainers({ all: true, filters: { name: [`${PREFIX}-${name}`] } });
    return containers.map(({ Names }) => Names[0] ?? '').sort();
  };

  describe('docker.rollback_container', () => {
    test('makes it again from the previous image: its own settings stay, those of the image change', async () => {
      const { engine, context } = stage();
      const network = `${PREFIX}-rollback`;
      await engine.client.createNetwork({ Name: network });
      const old = await createApp('rollback', {
        Env: ['SECRET=s3cret'],
        Labels: { own: 'label' },
        Volumes: { '/anonymous': {} },
        HostConfig: { NetworkMode: network, Memory: 32 * 2 ** 20, Binds: [`${PREFIX}-rollback:/data`] },
        NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: ['app'] } } },
      });
      const before = await old.inspect();
      const name = `${PREFIX}-rollback`;
      const planned = await plan(rollbackContainer, { container: name, healthy_within: '5s' }, context());
      expect(planned).toMatchObject({
        identity: { container: name, id: before.Id, image: `${REPOSITORY}:previous`, image_id: images.previous },
        touches: [`docker:local/${name}`],
      });
      expect(JSON.stringify(planned)).not.toContain('s3cret');
      const output = await rollbackContainer.run(planned, context());
      const after = await inspect('rollback');
      expect(output).toEqual({
        container: name,
        id: after.Id,
        previous_id: before.Id,
        image: `${REPOSITORY}:previous`,
        previous_image: `${REPOSITORY}:current`,
        health: 'healthy',
        left_over: '',
      });
      expect(after.Image).toBe(images.previous);
      expect(after.Config.Env).toEqual(expect.arrayContaining(['SECRET=s3cret', 'VERSION=1']));
      expect(after.Config.Env.join()).not.toContain('BOTH');
      expect(after.Config.Labels).toEqual({ own: 'label', version: '1', 'remedyd.replaces': before.Id });
      expect(after.Config.User).toBe('0:0');
      expect(after.HostConfig.Memory).toBe(32 * 2 ** 20);
      expect(after.NetworkSettings.Networks[network]?.Aliases).toContain('app');
      const volumes = ({ Mounts }: typeof after) => Mounts.map(({ Name, Destination }) => `${Name}:${Destination}`).sort();
      expect(volumes(after)).toEqual(volumes(before));
      expect(await namesLike('rollback')).toEqual([`/${name}`]);
      expect(await rollbackContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'done', output });
      await expect(rollbackContainer.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });
      await expect(plan(rollbackContainer, { container: name, healthy_within: '5s' }, context())).rejects.toMatchObject({
        message: expect.stringContaining('already'),
      });
    });

    test('puts the old one back when the new one does not come up', async () => {
      const { context } = stage();
      const before = await (await createApp('restored')).inspect();
      const params = { container: `${PREFIX}-restored`, image: `${REPOSITORY}:broken`, healthy_within: '3s' };
      await expect(run(rollbackContainer, params, context())).rejects.toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringMatching(/did not come up.*exited with status 1; the old container was put back$/),
      });
      const after = await inspect('restored');
      expect(after).toMatchObject({ Id: before.Id, State: { Running: true } });
      expect(await namesLike('restored')).toEqual([`/${PREFIX}-restored`]);
    });

    test('leaves one that did not run as it was, when the new one does not come up either', async () => {
      const { context } = stage();
      const before = await (await createApp('stopped', { start: false })).inspect();
      const params = { container: `${PREFIX}-stopped`, image: `${REPOSITORY}:broken`, healthy_within: '3s' };
      await expect(run(rollbackContainer, params, context())).rejects.toMatchObject({ code: 'rejected', happened: 'nothing' });
      expect(await inspect('stopped')).toMatchObject({ Id: before.Id, State: { Running: false } });
    });

    test('refuses before anything is touched', async () => {
      const { context, create, engine } = stage();
      const old = await createApp('refused');
      const container = `${PREFIX}-refused`;
      const short = { healthy_within: '3s' };
      for (const [params, code] of [
        [{ container, image: `${REPOSITORY}:never-pulled`, ...short }, 'not_found'],
        [{ container, image: `${REPOSITORY}:current`, ...short }, 'precondition_failed'],
        [{ container, image: '../x', ...short }, 'invalid_value'],
        [{ container, image: 'a?b', ...short }, 'invalid_value'],
        [{ container, healthy_within: '15s', stop_timeout: '10s' }, 'invalid_value'],
      ] as const) {
        await expect(run(rollbackContainer, params, context())).rejects.toMatchObject({ code, happened: 'nothing' });
      }
      await create('refused-unnamed', { Image: images.current, ...OF_IMAGE });
      await expect(plan(rollbackContainer, { container: `${container}-unnamed`, ...short }, context())).rejects.toMatchObject({
        code: 'missing_value',
      });
      await create('refused-rm', { HostConfig: { AutoRemove: true } });
      await expect(plan(rollbackContainer, { container: `${container}-rm`, ...short }, context())).rejects.toMatchObject({
        code: 'precondition_failed',
      });
      await engine.client.getImage(images.previous).tag({ repo: REPOSITORY, tag: 'moving' });
      const planned = await plan(rollbackContainer, { container, image: `${REPOSITORY}:moving`, ...short }, context());
      await engine.client.getImage(images.broken).tag({ repo: REPOSITORY, tag: 'moving' });
      await expect(rollbackContainer.run(planned, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        message: expect.stringContaining('another image'),
      });
      expect((await old.inspect()).State.Running).toBe(true);
    });
  });

  describe('a rollback that was broken off', () => {
    const NEEDED = [
      'GET /containers/{name}/json',
      'GET /images/{image}/json',
      'POST /containers/{name}/stop',
      'POST /containers/{name}/rename',
      'POST /containers/create',
      'POST /containers/{name}/start',
      'DELETE /containers/{name}',
    ];

    /** Plans and runs until a request that gets no answer, as when the daemon dies there. */
    async function breakOff(name: string, at: string, image = `${REPOSITORY}:previous`) {
      const { engine, connection, context } = stage();
      const before = await (await createApp(name)).inspect();
      const controller = new AbortController();
      const onHang = () => controller.abort(new DOMException('late', 'TimeoutError'));
      await using proxy = await startDockerProxy(engine, { allow: NEEDED, hang: at, onHang });
      const params = { container: `${PREFIX}-${name}`, image, healthy_within: '5s', stop_timeout: '2s' };
      const planned = await plan(rollbackContainer, params, context());
      const guarded = context({ connection: { ...connection, socket: proxy.socket }, signal: controller.signal });
      await expect(rollbackContainer.run(planned, guarded)).rejects.toMatchObject({ code: 'timeout', happened: 'unknown' });
      return { before, planned };
    }

    test.each([
      ['stop', 'POST /containers/{name}/stop'],
      ['rename', 'POST /containers/{name}/rename'],
      ['create', 'POST /containers/create'],
    ])('at its %s is put back', async (step, at) => {
      const { context } = stage();
      const name = `broken-at-${step}`;
      const { before, planned } = await breakOff(name, at);
      if (step === 'stop')
        expect(await rollbackContainer.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await rollbackContainer.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      expect(await inspect(name)).toMatchObject({ Id: before.Id, State: { Running: true } });
      expect(await namesLike(name)).toEqual([`/${PREFIX}-${name}`]);
    });

    test('at the start of the new one is put back: it does not run', async () => {
      const { before, planned } = await breakOff('broken-at-start', 'POST /containers/{name}/start');
      expect(await namesLike('broken-at-start')).toHaveLength(2);
      expect(await rollbackContainer.look?.(planned, Date.now(), stage().context())).toEqual({ state: 'not_done' });
      expect(await inspect('broken-at-start')).toMatchObject({ Id: before.Id, State: { Running: true } });
      expect(await namesLike('broken-at-start')).toHaveLength(1);
    });

    test('when only the old one was still to go is done', async () => {
      const { before, planned } = await breakOff('broken-at-end', 'DELETE /containers/{name}');
      const look = await rollbackContainer.look?.(planned, Date.now(), stage().context());
      expect(look).toMatchObject({ state: 'done', output: { previous_id: before.Id, left_over: '' } });
      expect(await inspect('broken-at-end')).toMatchObject({ Image: images.previous });
      expect(await namesLike('broken-at-end')).toHaveLength(1);
    });

    test('while the new one comes up is waited for, and put back when it does not', async () => {
      const { context, createImage } = stage();
      await createImage(`${REPOSITORY}:sick`, [`CMD ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"]`]);
      const { planned } = await breakOff('broken-sick', 'POST /containers/create', `${REPOSITORY}:sick`);
      expect(await rollbackContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'not_done' });
      const controller = new AbortController();
      const again = await plan(
        rollbackContainer,
        { container: `${PREFIX}-broken-sick`, image: `${REPOSITORY}:sick`, healthy_within: '15s', stop_timeout: '1s' },
        context(),
      );
      const failure = rollbackContainer.run(again, context({ signal: controller.signal })).then(
        () => undefined,
        (error: unknown) => error,
      );
      await waitUntil('the new one runs', async () => {
        const found = await inspect('broken-sick').catch(() => undefined);
        return found?.Config.Labels['remedyd.replaces'] !== undefined && found.State.Running ? true : undefined;
      });
      controller.abort(new Error('cancelled'));
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
      expect(await rollbackContainer.look?.(again, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await rollbackContainer.look?.(again, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      expect((await inspect('broken-sick')).Image).toBe(images.current);
    });

    test('is unknown when somebody else has been at it, and nothing is touched then', async () => {
      const { context, create, connection, engine } = stage();
      const { before, planned } = await breakOff('broken-foreign', 'POST /containers/create');
      const foreign = await create('broken-foreign');
      expect(await rollbackContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
      expect((await foreign.inspect()).State.Running).toBe(true);
      await foreign.remove({ force: true });
      const strict = context({ connection: { ...connection, allow: [] } });
      expect(await rollbackContainer.look?.(planned, Date.now(), strict)).toEqual({ state: 'unknown' });
      await engine.client.getContainer(before.Id).remove();
      expect(await rollbackContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
    });
  });
}
