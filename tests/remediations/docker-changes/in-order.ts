import { describe, expect, test } from '@jest/globals';
import { restartInOrder } from '../../../src/remediations/docker/restart-in-order.ts';
import { waitUntil } from '../../support/daemon-wait.ts';
import { plan, PREFIX, run, STOPS_AT_ONCE, type DockerStage, type StageContainer } from './stage.ts';

const SECOND = 1e9;
/** Healthy once its file is there, which the first process makes. */
const HEALTHY: StageContainer = {
  Cmd: ['sh', '-c', "trap 'exit 0' TERM; touch /ready; sleep 86400 & wait"],
  Healthcheck: { Test: ['CMD', 'test', '-e', '/ready'], Interval: SECOND / 2, Timeout: SECOND, Retries: 1 },
};
const SICK: StageContainer = {
  Cmd: STOPS_AT_ONCE,
  Healthcheck: { Test: ['CMD', 'false'], Interval: SECOND / 2, Timeout: SECOND, Retries: 1 },
};

export function testInOrder(stage: () => DockerStage): void {
  describe('docker.restart_in_order', () => {
    test('restarts each when the one before it is healthy', async () => {
      const { context, create } = stage();
      const containers = [`${PREFIX}-order-db`, `${PREFIX}-order-web`];
      const [db, web] = [await create('order-db', HEALTHY), await create('order-web')];
      const planned = await plan(restartInOrder, { containers }, context());
      expect(planned).toMatchObject({ count: 2, touches: containers.map((name) => `docker:local/${name}`) });
      expect(await restartInOrder.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await restartInOrder.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      const output = await restartInOrder.run(planned, context());
      const [dbAfter, webAfter] = [await db.inspect(), await web.inspect()];
      expect(output).toEqual({
        restarted: [
          { container: containers[0], started_at: new Date(dbAfter.State.StartedAt).toISOString(), health: 'healthy' },
          { container: containers[1], started_at: new Date(webAfter.State.StartedAt).toISOString(), health: 'none' },
        ],
        count: 2,
      });
      // The health check runs for the first time half a second after the start.
      expect(Date.parse(webAfter.State.StartedAt) - Date.parse(dbAfter.State.StartedAt)).toBeGreaterThan(500);
      expect(await restartInOrder.look?.(planned, Date.now(), context())).toEqual({ state: 'done', output });
      await expect(restartInOrder.run(planned, context())).rejects.toMatchObject({ code: 'precondition_failed' });
    });

    test('stops at the first that does not come up, and says which were done', async () => {
      const { context, create } = stage();
      const names = ['first', 'sick', 'last'].map((name) => `order-${name}`);
      await create('order-first', HEALTHY);
      await create('order-sick', SICK);
      const last = await create('order-last');
      const before = await last.inspect();
      const containers = names.map((name) => `${PREFIX}-${name}`);
      const planned = await plan(restartInOrder, { containers, healthy_within: '3s' }, context());
      await expect(restartInOrder.run(planned, context())).rejects.toMatchObject({
        code: 'rejected',
        happened: 'unknown',
        message: expect.stringMatching(
          /order-sick did not come up within 3s: .* restarted before it: remedyd-change-order-first$/,
        ),
      });
      expect((await last.inspect()).State.StartedAt).toBe(before.State.StartedAt);
      expect(await restartInOrder.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
    });

    test('notices one that ends again at once', async () => {
      const { context, create } = stage();
      const container = await create('order-ends', { Cmd: ['sh', '-c', 'exit 3'] });
      await container.wait();
      await expect(run(restartInOrder, { containers: [`${PREFIX}-order-ends`] }, context())).rejects.toMatchObject({
        code: 'rejected',
        message: expect.stringContaining('exited with status 3'),
      });
    });

    test('restarts none when one is missing, not allowed, or named twice', async () => {
      const { context, create, connection } = stage();
      const container = await create('order-none');
      const name = `${PREFIX}-order-none`;
      const { State } = await container.inspect();
      for (const [containers, code] of [
        [[], 'missing_value'],
        [[name, name], 'invalid_value'],
        [[name, 7], 'invalid_value'],
        [[name, ['x']], 'invalid_value'],
        [[name, `${PREFIX}-order-gone`], 'not_found'],
        [Array.from({ length: 21 }, (_none, index) => `${name}-${index}`), 'over_limit'],
      ] as const) {
        await expect(run(restartInOrder, { containers: [...containers] }, context())).rejects.toMatchObject({
          code,
          happened: 'nothing',
        });
      }
      const strict = context({ connection: { ...connection, allow: [] } });
      await expect(run(restartInOrder, { containers: [name] }, strict)).rejects.toMatchObject({ code: 'not_allowed' });
      expect((await container.inspect()).State.StartedAt).toBe(State.StartedAt);
    });

    test('waits in vain only as long as its step has time', async () => {
      const { context, create } = stage();
      await create('order-late', SICK);
      const planned = await plan(restartInOrder, { containers: [`${PREFIX}-order-late`] }, context());
      const controller = new AbortController();
      const failure = restartInOrder.run(planned, context({ signal: controller.signal })).then(
        () => undefined,
        (error: unknown) => error,
      );
      await waitUntil('it was restarted', async () => {
        const look = await restartInOrder.look?.(planned, Date.now() - 60_000, context());
        return look?.state === 'not_done' ? undefined : look;
      });
      controller.abort(new DOMException('late', 'TimeoutError'));
      expect(await failure).toMatchObject({ code: 'timeout', happened: 'unknown' });
    });
  });
}
