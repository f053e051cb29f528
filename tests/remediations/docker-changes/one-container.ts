import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { killContainer } from '../../../src/remediations/docker/kill-container.ts';
import { startContainer } from '../../../src/remediations/docker/start-container.ts';
import { stopContainer } from '../../../src/remediations/docker/stop-container.ts';
import { updateContainer } from '../../../src/remediations/docker/update-container.ts';
import { waitUntil } from '../../support/daemon-wait.ts';
import { OUTLIVES_SIGTERM, plan, PREFIX, run, type DockerStage } from './stage.ts';

const MIB = 2 ** 20;

export function testOneContainer(stage: () => DockerStage): void {
  describe('docker.start_container', () => {
    test('starts one that has stopped, and leaves one that runs', async () => {
      const { context, create } = stage();
      const container = await create('start', { start: false });
      const params = { container: `${PREFIX}-start` };
      expect(await run(startContainer, params, context())).toMatchObject({ container: `${PREFIX}-start`, started: true });
      const { State } = await container.inspect();
      expect(State.Running).toBe(true);
      expect(await run(startContainer, params, context())).toMatchObject({
        started: false,
        started_at: new Date(State.StartedAt).toISOString(),
      });
      expect((await container.inspect()).State.StartedAt).toBe(State.StartedAt);
    });

    test('does not start one that was started since the plan, nor one that is paused', async () => {
      const { context, create } = stage();
      const container = await create('start-twice', { start: false });
      const params = { container: `${PREFIX}-start-twice` };
      const planned = await plan(startContainer, params, context());
      await container.start();
      await expect(startContainer.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });
      await container.pause();
      await expect(plan(startContainer, params, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        message: expect.stringContaining('paused'),
      });
    });
  });

  describe('docker.stop_container', () => {
    test('stops one that runs, and leaves one that does not', async () => {
      const { context, create } = stage();
      const container = await create('stop');
      const params = { container: `${PREFIX}-stop` };
      const planned = await plan(stopContainer, params, context());
      expect(await stopContainer.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await stopContainer.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      expect(await stopContainer.run(planned, context())).toMatchObject({ stopped: true, exit_code: 0 });
      expect((await container.inspect()).State.Running).toBe(false);
      expect(await stopContainer.look?.(planned, Date.now(), context())).toMatchObject({
        state: 'done',
        output: { stopped: true },
      });
      expect(await run(stopContainer, params, context())).toMatchObject({ stopped: false });
      await container.start();
      expect(await stopContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
    });

    test('that times out is unknown; the engine goes on, and look waits until it is done', async () => {
      const { context, create, engine } = stage();
      const name = `${PREFIX}-stop-slow`;
      await create('stop-slow', { Cmd: OUTLIVES_SIGTERM });
      const planned = await plan(stopContainer, { container: name, stop_timeout: '1s' }, context());
      const events = await engine.client.getEvents({ filters: { container: [name], event: ['kill'] } });
      const controller = new AbortController();
      events.once('data', () => controller.abort(new DOMException('late', 'TimeoutError')));
      const failure = stopContainer.run(planned, context({ signal: controller.signal }));
      await expect(failure).rejects.toMatchObject({ code: 'timeout', happened: 'unknown' });
      if (events instanceof Readable) events.destroy();
      const look = await waitUntil('the container has stopped', async () => {
        const found = await stopContainer.look?.(planned, Date.now(), context());
        return found?.state === 'wait' ? undefined : found;
      });
      expect(look).toMatchObject({ state: 'done', output: { exit_code: 137 } });
    });

    test('refuses one that would be gone then', async () => {
      const { context, create } = stage();
      await create('stop-rm', { HostConfig: { AutoRemove: true } });
      await expect(plan(stopContainer, { container: `${PREFIX}-stop-rm` }, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        message: expect.stringContaining('--rm'),
      });
    });
  });

  describe('docker.kill_container', () => {
    test('sends the signal, to the process that was planned', async () => {
      const { context, create } = stage();
      const container = await create('kill', { Cmd: ['sh', '-c', "trap 'exit 7' HUP; sleep 86400 & wait"] });
      const params = { container: `${PREFIX}-kill`, signal: 'HUP' };
      const planned = await plan(killContainer, params, context());
      expect(await killContainer.run(planned, context())).toMatchObject({ container: `${PREFIX}-kill`, signal: 'HUP' });
      expect(await container.wait()).toMatchObject({ StatusCode: 7 });
      expect(await killContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
      await container.start();
      await expect(killContainer.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });
    });

    test('KILL can be looked for afterwards', async () => {
      const { context, create } = stage();
      const container = await create('kill-kill');
      const planned = await plan(killContainer, { container: `${PREFIX}-kill-kill`, signal: 'KILL' }, context());
      expect(await killContainer.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await killContainer.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      await killContainer.run(planned, context());
      await container.wait();
      expect(await killContainer.look?.(planned, Date.now(), context())).toMatchObject({
        state: 'done',
        output: { running: false },
      });
    });

    test('refuses one that does not run, and signals that it does not know', async () => {
      const { context, create } = stage();
      await create('kill-stopped', { start: false });
      const container = `${PREFIX}-kill-stopped`;
      await expect(plan(killContainer, { container, signal: 'HUP' }, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        message: expect.stringContaining('not running'),
      });
      expect(() => plan(killContainer, { container, signal: 'STOP' }, context())).toThrow('expected one of');
      expect(() => plan(killContainer, { container }, context())).toThrow('required');
    });
  });

  describe('docker.update_container', () => {
    test('raises memory and processors while it runs; swap goes along', async () => {
      const { context, create } = stage();
      const container = await create('update', { HostConfig: { Memory: 32 * MIB, MemorySwap: 48 * MIB } });
      const params = { container: `${PREFIX}-update`, memory: '64MiB', cpus: 0.5 };
      const before = await container.inspect();
      const planned = await plan(updateContainer, params, context());
      expect(planned.summary).toContain(`memory ${32 * MIB} to ${64 * MIB} bytes, cpus without limit to 0.5`);
      expect(await updateContainer.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await updateContainer.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      const output = await updateContainer.run(planned, context());
      expect(output).toMatchObject({ memory: 64 * MIB, previous_memory: 32 * MIB, cpus: 0.5, previous_cpus: 0 });
      const after = await container.inspect();
      expect(after.HostConfig).toMatchObject({ Memory: 64 * MIB, MemorySwap: 80 * MIB, NanoCpus: 5e8 });
      expect(after.State.StartedAt).toBe(before.State.StartedAt);
      expect(await updateContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'done', output });
      await expect(updateContainer.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });
      await container.update({ NanoCpus: 1e9 });
      expect(await updateContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
    });

    test('lowers it, gives the first limit, and keeps a quota a quota', async () => {
      const { context, create } = stage();
      const container = await create('update-first', { HostConfig: { CpuPeriod: 50_000, CpuQuota: 25_000 } });
      const update = (params: { memory?: string; cpus?: number }) =>
        run(updateContainer, { container: `${PREFIX}-update-first`, ...params }, context());
      expect(await update({ memory: '64MiB' })).toMatchObject({ memory: 64 * MIB, previous_memory: 0, cpus: 0.5 });
      expect(await update({ memory: '32MiB', cpus: 0.25 })).toMatchObject({ memory: 32 * MIB, cpus: 0.25, previous_cpus: 0.5 });
      expect((await container.inspect()).HostConfig).toMatchObject({ CpuPeriod: 50_000, CpuQuota: 12_500, NanoCpus: 0 });
    });

    test('refuses what would end its processes, too little, and nothing at all', async () => {
      const { context, create } = stage();
      const container = `${PREFIX}-update-full`;
      // What is read into a shell variable is memory that the kernel cannot take back.
      await create('update-full', {
        Cmd: ['sh', '-c', 'x=$(head -c 20000000 /dev/zero | tr "\\0" x); while :; do sleep 1; done'],
      });
      const refusal = await waitUntil('the container is full', () =>
        plan(updateContainer, { container, memory: '8MiB' }, context()).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      expect(refusal).toMatchObject({ code: 'precondition_failed', message: expect.stringContaining('would end its processes') });
      await expect(plan(updateContainer, { container }, context())).rejects.toMatchObject({ code: 'missing_value' });
      expect(() => plan(updateContainer, { container, memory: '1MiB' }, context())).toThrow('the least allowed');
      await expect(run(updateContainer, { container, cpus: 10_000 }, context())).rejects.toMatchObject({
        code: 'rejected',
        happened: 'nothing',
      });
    });
  });
}
