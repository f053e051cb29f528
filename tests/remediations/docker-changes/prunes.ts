import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { StepContext } from '../../../src/domain/remediation.ts';
import { SystemClock } from '../../../src/domain/system-clock.ts';
import { diskUsage } from '../../../src/remediations/docker/disk-usage.ts';
import { prune } from '../../../src/remediations/docker/prune.ts';
import { startDockerProxy } from '../../support/docker-proxy.ts';
import { createTarArchive } from '../../support/servers/tar-archive.ts';
import { TEST_IMAGE } from '../../support/servers/docker.ts';
import { plan, PREFIX, run, type DockerStage } from './stage.ts';

const HOUR_MS = 3_600_000;
/** A clock that runs ahead, so that what these tests have just made is older than an hour. */
const AHEAD = Object.assign(new SystemClock(), { now: () => Date.now() + 2 * HOUR_MS });

export function testPrunes(stage: () => DockerStage): void {
  const later = (overrides: Partial<StepContext> = {}): StepContext => stage().context({ clock: AHEAD, ...overrides });
  const pruneLater = (params: JsonObject): Promise<JsonObject> => run(prune, { older_than: '1h', ...params }, later());

  describe('docker.disk_usage', () => {
    test('adds up what the engine keeps, and what of that nothing uses', async () => {
      const { create, engine } = stage();
      await create('usage');
      const name = `${PREFIX}-usage`;
      await engine.client.createVolume({ Name: name });
      const filler = await create('usage-filler', {
        Cmd: ['sh', '-c', 'head -c 200000 /dev/zero >/v/file; head -c 100000 /dev/zero >/file'],
        HostConfig: { Binds: [`${name}:/v`] },
      });
      await filler.wait();
      const before = await run(diskUsage, {}, stage().context());
      await filler.remove();
      const after = await run(diskUsage, {}, stage().context());
      expect(after.images_bytes).toBeGreaterThan(1_000_000);
      expect(Number(before.volumes_reclaimable_bytes) + 200_000).toBe(after.volumes_reclaimable_bytes);
      expect(Number(before.containers_reclaimable_bytes) - 100_000).toBe(after.containers_reclaimable_bytes);
      expect(after.volumes_bytes).toBe(before.volumes_bytes);
      expect(after.containers).toBe(Number(before.containers) - 1);
    });
  });

  describe('docker.prune', () => {
    test('removes exactly the images of the plan: without a name, unused, old enough, the oldest first', async () => {
      const { create, createImage, engine } = stage();
      const [first, second] = [await createImage(undefined, ['LABEL n=1']), await createImage(undefined, ['LABEL n=2'])];
      const named = await createImage(`${PREFIX}/kept:1`, ['LABEL n=3']);
      const used = await createImage(undefined, ['LABEL n=4']);
      await create('prune-user', { Image: used, start: false });
      expect(await run(prune, { what: 'images', older_than: '1h' }, stage().context())).toMatchObject({
        removed: 0,
        remaining: 0,
      });
      const planned = await plan(prune, { what: 'images', older_than: '1h', labels: ['n'] }, later());
      expect(planned).toMatchObject({ count: 2, touches: ['docker:local'], identity: { what: 'images', limit: 100 } });
      const late = await createImage(undefined, ['LABEL n=5']);
      expect(await prune.run(planned, later())).toMatchObject({ removed: 2, skipped: 0, remaining: 0 });
      for (const id of [first, second])
        await expect(engine.client.getImage(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
      for (const id of [named, used, late, TEST_IMAGE]) await engine.client.getImage(id).inspect();
      expect(await pruneLater({ what: 'images', labels: ['n=5'] })).toMatchObject({ removed: 1 });
    });

    test('removes named images only with `all`, under all of their names, and skips what is used or named by then', async () => {
      const { create, createImage, engine } = stage();
      const two = await createImage(`${PREFIX}/two:1`, ['LABEL all=1']);
      await engine.client.getImage(two).tag({ repo: `${PREFIX}/other`, tag: 'x' });
      const taken = await createImage(undefined, ['LABEL all=2']);
      const tagged = await createImage(undefined, ['LABEL all=3']);
      expect(await pruneLater({ what: 'images', labels: ['all=1'] })).toMatchObject({ removed: 0 });
      const planned = await plan(prune, { what: 'images', older_than: '1h', labels: ['all'], all: true }, later());
      await create('prune-taker', { Image: taken, start: false });
      await engine.client.getImage(tagged).tag({ repo: `${PREFIX}/tagged`, tag: 'x' });
      expect(await prune.run(planned, later())).toMatchObject({ removed: 1, skipped: 2, remaining: 2, items: [{ id: two }] });
      await expect(engine.client.getImage(two).inspect()).rejects.toMatchObject({ statusCode: 404 });
    });

    test('removes stopped containers whose names are allowed, the limit taking the oldest', async () => {
      const { create, connection, engine } = stage();
      const labels = { Labels: { prune: 'containers' } };
      const old = await create('prune-old', { Cmd: ['true'], ...labels });
      await old.wait();
      const young = await create('prune-young', { Cmd: ['true'], ...labels });
      await young.wait();
      await create('prune-running', labels);
      await create('prune-unlabelled', { start: false });
      const params = { what: 'containers', labels: ['prune=containers'], limit: 1 };
      const output = await pruneLater(params);
      expect(output).toMatchObject({ removed: 1, remaining: 1, items: [{ name: `${PREFIX}-prune-old` }] });
      const strict = later({ connection: { ...connection, allow: ['other-*'] } });
      expect(await run(prune, { ...params, older_than: '1h' }, strict)).toMatchObject({ removed: 0, remaining: 0 });
      const planned = await plan(prune, { ...params, older_than: '1h' }, later());
      expect(planned).toMatchObject({ count: 1 });
      expect(await prune.run(planned, strict)).toMatchObject({ removed: 0, skipped: 1 });
      await young.start();
      await young.wait();
      expect(await prune.run(planned, later())).toMatchObject({ removed: 0, skipped: 1, remaining: 1 });
      await engine.client.getContainer(`${PREFIX}-prune-young`).inspect();
    });

    test('leaves a container that waits aside until its replacement has come up', async () => {
      const { create, engine } = stage();
      const waiting = await create('prune-aside', { Cmd: ['true'], Labels: { prune: 'aside' } });
      await waiting.wait();
      const params = { what: 'containers', labels: ['prune=aside'] };
      const planned = await plan(prune, { older_than: '1h', ...params }, later());
      expect(planned.count).toBe(1);
      const aside = `${PREFIX}-prune-aside-remedyd-replaced-${waiting.id.slice(0, 12)}`;
      await waiting.rename({ name: aside });
      await prune.run(planned, later());
      await pruneLater(params);
      await engine.client.getContainer(aside).inspect();
      // Only what waits aside is called so: whoever only has such a name is no exception.
      await waiting.rename({ name: `${PREFIX}-prune-aside-remedyd-replaced-0123456789ab` });
      await pruneLater(params);
      await expect(waiting.inspect()).rejects.toMatchObject({ statusCode: 404 });
    });

    test('removes anonymous volumes, labelled ones only when asked for, and none that a container has', async () => {
      const { create, engine } = stage();
      const holder = await create('prune-holder', { Volumes: { '/anonymous': {} }, start: false });
      const name = (await holder.inspect()).Mounts[0]?.Name ?? '';
      const label = { prune: 'volumes' };
      await engine.client.createVolume({ Name: `${PREFIX}-labelled`, Labels: label });
      await engine.client.createVolume({ Name: `${PREFIX}-plain` });
      await engine.client.createVolume({ Name: `${PREFIX}-held`, Labels: label });
      const user = await create('prune-user-2', { HostConfig: { Binds: [`${PREFIX}-held:/held`] }, start: false });
      expect((await plan(prune, { what: 'volumes', older_than: '1h' }, later())).data).toMatchObject({ items: [] });
      await holder.remove();
      expect(await pruneLater({ what: 'volumes' })).toMatchObject({ removed: 1, items: [{ id: name }] });
      expect(await pruneLater({ what: 'volumes', labels: ['prune=volumes'] })).toMatchObject({
        removed: 1,
        items: [{ id: `${PREFIX}-labelled` }],
      });
      await user.remove();
      const planned = await plan(prune, { what: 'volumes', older_than: '1h', labels: ['prune'] }, later());
      await create('prune-user-3', { HostConfig: { Binds: [`${PREFIX}-held:/held`] }, start: false });
      expect(await prune.run(planned, later())).toMatchObject({ removed: 0, skipped: 1, remaining: 1 });
    });

    test('removes networks that no container has, not even one that does not run', async () => {
      const { create, engine } = stage();
      const Labels = { prune: 'networks' };
      await engine.client.createNetwork({ Name: `${PREFIX}-net-free`, Labels });
      await engine.client.createNetwork({ Name: `${PREFIX}-net-held`, Labels });
      await create('prune-net', { HostConfig: { NetworkMode: `${PREFIX}-net-held` }, start: false });
      expect(await pruneLater({ what: 'networks', labels: ['prune=networks'] })).toMatchObject({
        removed: 1,
        items: [{ name: `${PREFIX}-net-free` }],
      });
      const all = await plan(prune, { what: 'networks', older_than: '1s' }, later());
      expect(JSON.stringify(all.data)).not.toMatch(/"(?:bridge|host|none)"/);
    });

    test('removes records of the build cache one by one', async () => {
      await build(stage());
      const before = await run(diskUsage, {}, stage().context());
      expect(before.build_cache).toBeGreaterThan(1);
      const params = { what: 'build_cache', older_than: '1h', limit: 1 };
      const through = (socket: string) => run(prune, params, later({ connection: { ...stage().connection, socket } }));
      // Exactly what the notes ask for.
      const [read, change] = ['GET /system/df', 'POST /build/prune'];
      for (const [allowed, missing] of [
        [read, change],
        [change, read],
      ] as const) {
        await using less = await startDockerProxy(stage().engine, { allow: [allowed] });
        await expect(through(less.socket)).rejects.toMatchObject({
          code: 'permission_denied',
          happened: 'nothing',
          message: expect.stringContaining(`let \`${missing}\` through`),
        });
      }
      await using proxy = await startDockerProxy(stage().engine, { allow: [read, change] });
      expect(await through(proxy.socket)).toMatchObject({ removed: 1 });
      expect((await run(diskUsage, {}, stage().context())).build_cache).toBe(Number(before.build_cache) - 1);
      expect(await pruneLater({ what: 'build_cache', all: true })).toMatchObject({ remaining: 0 });
      expect((await run(diskUsage, {}, stage().context())).build_cache).toBe(0);
    });

    test('needs allow_prune, an age, and filters that say something', async () => {
      const { connection, context } = stage();
      const params = { what: 'images', older_than: '1h' };
      const planned = await plan(prune, params, context());
      const strict = context({ connection: { ...connection, allowPrune: false } });
      await expect(plan(prune, params, strict)).rejects.toMatchObject({ code: 'not_allowed', happened: 'nothing' });
      await expect(prune.run(planned, strict)).rejects.toMatchObject({ code: 'not_allowed', happened: 'nothing' });
      expect(() => plan(prune, { what: 'images' }, context())).toThrow('"older_than" is required');
      expect(() => plan(prune, { ...params, older_than: '0s' }, context())).toThrow('the least allowed');
      expect(() => plan(prune, { ...params, what: 'everything' }, context())).toThrow('expected one of');
      for (const [more, code] of [
        [{ labels: [] }, 'missing_value'],
        [{ labels: [''] }, 'invalid_value'],
        [{ labels: ['=x'] }, 'invalid_value'],
        [{ labels: [7] }, 'invalid_value'],
        [{ what: 'build_cache', labels: ['a'] }, 'invalid_value'],
        [{ what: 'volumes', all: true }, 'invalid_value'],
      ] as const) {
        await expect(plan(prune, { ...params, ...more }, context())).rejects.toMatchObject({ code, happened: 'nothing' });
      }
    });
  });
}

/** BuildKit takes its files by a second request, which `docker build -` makes as well. */
async function build({ engine }: DockerStage): Promise<void> {
  const url = new URL(engine.host);
  const target = engine.socket === undefined ? { host: url.hostname, port: url.port } : { socketPath: engine.socket };
  const post = (path: string, body?: Buffer): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-tar' };
      const outgoing = request({ ...target, method: 'POST', path, headers }, (answer) => void text(answer).then(resolve, reject));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const dockerfile = Buffer.from(`FROM ${TEST_IMAGE}\nRUN touch /one\nRUN touch /two\n`);
  const query = `version=2&networkmode=none&t=${encodeURIComponent(`${PREFIX}/built:1`)}`;
  const built = post(`/build?${query}&remote=upload-request&buildid=${PREFIX}`);
  await post(
    `/build?version=2&buildid=upload-request:${PREFIX}`,
    createTarArchive([{ path: 'Dockerfile', content: dockerfile }]),
  );
  const answer = await built;
  if (!answer.includes('Successfully tagged')) throw new Error(`the image was not built: ${answer}`);
}
