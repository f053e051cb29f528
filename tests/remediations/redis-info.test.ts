import { info } from '../../src/remediations/redis/info.ts';
import { parseInfo } from '../../src/remediations/redis/parse-info.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const MAXMEMORY = 64 * 1024 * 1024;

describe('parseInfo', () => {
  it('reads numbers, texts and lists of pairs', () => {
    const text =
      '# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nratio:1.50\r\nempty:\r\npath:a:b\r\ndb0:keys=3,expires=0\r\n';
    expect(parseInfo(text)).toEqual({
      redis_version: '7.0.15',
      redis_git_sha1: '00000000',
      ratio: 1.5,
      empty: '',
      path: 'a:b',
      db0: { keys: 3, expires: 0 },
    });
  });

  it('keeps names that objects know as data', () => {
    expect(Object.entries(parseInfo('__proto__:1\nconstructor:2'))).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });
});

describeWith('redis', 'redis.info', () => {
  let server: GuardedRedis;

  beforeAll(async () => {
    server = await startGuardedRedis({ maxmemory: String(MAXMEMORY) });
    await server.admin(0).mset('a', '1', 'b', '2');
    await server.admin(2).mset('c', '3');
  });
  afterAll(() => server.stop());

  const run = async (url: string, params: Record<string, string> = {}) => {
    const context = createStepContext(redisConnection(url));
    return await info.run(await info.plan(params, context), context);
  };

  it("reads the figures and counts the keys of its URL's database", async () => {
    const output = await run(await server.createUser('remedyd', '+info'));
    expect(output).toMatchObject({
      maxmemory: MAXMEMORY,
      keys: 2,
      evicted_keys: 0,
      role: 'master',
      info: { redis_mode: 'standalone' },
    });
    expect(output['memory_ratio']).toBe(Number(output['used_memory']) / MAXMEMORY);
    expect(await run(await server.createUser('remedyd', '+info +select', 2))).toMatchObject({ keys: 1 });
    expect(await run(await server.createUser('remedyd', '+info +select', 5))).toMatchObject({ keys: 0 });
  });

  it('holds the fields of the section that was asked for', async () => {
    const output = await run(await server.createUser('remedyd', '+info'), { section: 'memory' });
    expect(output).toMatchObject({ keys: 2, info: { maxmemory: MAXMEMORY, maxmemory_policy: 'noeviction' } });
    expect(output['info']).not.toHaveProperty('redis_mode');
  });

  it('names the missing right', async () => {
    expect(await stepFailure(run(await server.createUser('remedyd', '+ping')))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining("'info' command"),
    });
  });
});
