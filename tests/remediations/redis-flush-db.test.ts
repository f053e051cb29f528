import { flushDb } from '../../src/remediations/redis/flush-db.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediation ask for.
const RIGHTS = '+dbsize +flushdb';

describeWith('redis', 'redis.flush_db', () => {
  let server: GuardedRedis;

  beforeAll(async () => {
    server = await startGuardedRedis();
  });
  beforeEach(async () => {
    await server.admin().flushall();
    await server.admin(0).mset('a', '1', 'b', '2');
    await server.admin(2).mset('c', '3');
  });
  afterAll(() => server.stop());

  const contextOf = (url: string, allowFlush = true) => createStepContext(redisConnection(url, allowFlush));

  it("deletes the keys of its URL's database and of no other", async () => {
    const others = await server.dump(2);
    const url = await server.createUser('remedyd', RIGHTS);
    const planned = await flushDb.plan({}, contextOf(url));
    expect(planned).toEqual({
      summary: 'delete all 2 keys of database 0 of Redis "cache"',
      identity: { connection: 'cache', database: 0 },
      touches: ['redis:cache'],
      count: 2,
      data: { database: 0 },
    });
    expect(await server.admin().dbsize()).toBe(2);

    expect(await flushDb.run(planned, contextOf(url))).toEqual({ deleted: 2 });
    expect(await server.dump(0)).toEqual({});
    expect(await server.dump(2)).toEqual(others);
  });

  it('is refused where the connection does not allow it, also after the plan was made', async () => {
    const url = await server.createUser('remedyd', RIGHTS);
    const refusal = { code: 'not_allowed', happened: 'nothing', message: expect.stringContaining('allow_flush') };
    expect(await stepFailure(flushDb.plan({}, contextOf(url, false)))).toMatchObject(refusal);
    const planned = await flushDb.plan({}, contextOf(url));
    expect(await stepFailure(flushDb.run(planned, contextOf(url, false)))).toMatchObject(refusal);
    expect(await server.admin().dbsize()).toBe(2);
  });

  it('flushes nothing when it may not enter its database', async () => {
    const url = await server.createUser('remedyd', RIGHTS, 2);
    const planned = await flushDb.plan({}, contextOf(await server.createUser('entering', `${RIGHTS} +select`, 2)));
    expect(await stepFailure(flushDb.run(planned, contextOf(url)))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
    });
    expect(await server.admin(0).dbsize()).toBe(2);
    expect(await server.admin(2).dbsize()).toBe(1);
  });

  it('knows that nothing happened when the server refuses the flush', async () => {
    const url = await server.createUser('remedyd', '+dbsize');
    const planned = await flushDb.plan({}, contextOf(url));
    expect(await stepFailure(flushDb.run(planned, contextOf(url)))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
    });
    expect(await server.admin().dbsize()).toBe(2);
  });

  it('asks a person when in doubt', () => {
    expect(flushDb.inDoubt).toBe('ask');
    expect(flushDb.effect({})).toBe('destructive');
  });
});
