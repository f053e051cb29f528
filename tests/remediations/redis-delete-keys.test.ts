import { RE2JS } from 're2js';
import type { Json } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import { deleteKeys } from '../../src/remediations/redis/delete-keys.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediation ask for.
const RIGHTS = '~session:* +scan +unlink';
const MANY_KEYS = 20_000;

const parse = (params: Record<string, Json>) =>
  parseParameters(deleteKeys.params, params, (pattern, text) => RE2JS.compile(pattern).matches(text));

describe('redis.delete_keys', () => {
  it.each(['*', '?x', '[a]*', '[', ']x', '\\*x', '**session:*', '', '\n*'.trim()])(
    'refuses the pattern %p without a literal prefix',
    (match) => {
      expect(() => parse({ match })).toThrow(/match/);
    },
  );

  it('refuses to go without a pattern', () => {
    expect(() => parse({})).toThrow('parameter "match" is required');
  });

  it.each(['a*', 'session:*', 'session:[0-9]?:\\**', 'exact', ' *', 'ü*', 'a\n*'])('takes the pattern %p', (match) => {
    expect(parse({ match })).toEqual({ match, batch: 500, limit: 10_000 });
  });
});

describeWith('redis', 'redis.delete_keys on a server', () => {
  let server: GuardedRedis;
  let url: string;

  beforeAll(async () => {
    server = await startGuardedRedis();
  });
  beforeEach(async () => {
    await server.admin().flushall();
    url = await server.createUser('remedyd', RIGHTS);
  });
  afterAll(() => server.stop());

  const contextOf = (target: string) => createStepContext(redisConnection(target));
  const plan = (params: Record<string, Json>, target = url): Promise<Plan> => deleteKeys.plan(parse(params), contextOf(target));
  const run = (planned: Plan, target = url) => deleteKeys.run(planned, contextOf(target));
  const fill = async (prefix: string, count: number, database = 0): Promise<void> => {
    const pairs = Array.from({ length: count }, (_, index) => [`${prefix}${index}`, `value ${index}`]).flat();
    await server.admin(database).mset(...pairs);
  };

  it('deletes the matching keys in batches and leaves every other byte as it was', async () => {
    await fill('user:', 50);
    await server.admin().hset('sessions', 'a', '1');
    await server.admin().set(Buffer.from([0x73, 0xff, 0xfe]), 'binary');
    const before = await server.dump();
    await fill('session:', 1_234);

    const planned = await plan({ match: 'session:*', batch: 100 });
    expect(planned).toMatchObject({
      summary: 'delete 1234 keys matching "session:*" in database 0 of Redis "cache"',
      identity: { connection: 'cache', database: 0, match: 'session:*', type: null, limit: 10_000 },
      touches: ['redis:cache'],
      count: 1_234,
    });
    expect(await run(planned)).toEqual({ deleted: 1_234, remaining: 0 });
    expect(await server.dump()).toEqual(before);
  });

  it('deletes no more than the limit and says that some remain', async () => {
    await fill('session:', 300);
    const planned = await plan({ match: 'session:*', limit: 120, batch: 50 });
    expect(planned).toMatchObject({ count: 120, summary: expect.stringContaining('delete 120 of more than 120 keys') });
    expect(await run(planned)).toEqual({ deleted: 120, remaining: 121 });
    expect(await server.admin().dbsize()).toBe(180);
  });

  it('deletes no more than was planned when keys come in between', async () => {
    await fill('session:old:', 10);
    const planned = await plan({ match: 'session:*' });
    await fill('session:new:', 5);
    expect(await run(planned)).toEqual({ deleted: 10, remaining: 5 });
  });

  it('deletes keys whose names are not text, and only them', async () => {
    const key = Buffer.concat([Buffer.from('session:'), Buffer.from([0xff, 0x00, 0xfe])]);
    await server.admin().set(key, 'x');
    await server.admin().set('session', 'stays');
    expect(await run(await plan({ match: 'session:*' }))).toEqual({ deleted: 1, remaining: 0 });
    expect(Object.keys(await server.dump())).toEqual(['session']);
  });

  it('deletes only keys of the type that was asked for', async () => {
    await fill('session:', 3);
    await server.admin().hset('session:hash', 'a', '1');
    expect(await run(await plan({ match: 'session:*', type: 'hash' }))).toEqual({ deleted: 1, remaining: 0 });
    expect(await server.admin().dbsize()).toBe(3);
  });

  it("works in the database of its connection's URL", async () => {
    await fill('session:', 5);
    await fill('session:', 7, 3);
    const third = await server.createUser('third', `${RIGHTS} +select`, 3);
    expect(await run(await plan({ match: 'session:*' }, third), third)).toEqual({ deleted: 7, remaining: 0 });
    expect(await server.admin().dbsize()).toBe(5);
  });

  it('does not go on in database 0 when it may not enter its own', async () => {
    await fill('session:', 5);
    const third = await server.createUser('third', RIGHTS, 3);
    expect(await stepFailure(plan({ match: 'session:*' }, third))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
    });
    const elsewhere = await plan({ match: 'session:*' });
    const moved = await server.createUser('moved', `${RIGHTS} +select`, 3);
    expect(await stepFailure(run(elsewhere, moved))).toMatchObject({ code: 'precondition_failed', happened: 'nothing' });
    expect(await server.admin().dbsize()).toBe(5);
  });

  it('deletes nothing when the user may not delete one key of the first batch', async () => {
    await fill('user:', 5);
    expect(await stepFailure(run(await plan({ match: 'user:*' })))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining('NOPERM'),
    });
    expect(await server.admin().dbsize()).toBe(5);
  });

  it('stops between batches when it is aborted', async () => {
    await fill('session:', MANY_KEYS);
    const planned = await plan({ match: 'session:*', limit: MANY_KEYS });
    const slow: Plan = JSON.parse(JSON.stringify(planned).replace('"batch":500', '"batch":1'));
    const controller = new AbortController();
    const failure = stepFailure(deleteKeys.run(slow, createStepContext(redisConnection(url), { signal: controller.signal })));
    while ((await server.admin().dbsize()) === MANY_KEYS);
    controller.abort();

    expect(await failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
    while (String(await server.admin().client('LIST')).includes('user=remedyd'));
    const left = await server.admin().dbsize();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(MANY_KEYS);
  });
});
