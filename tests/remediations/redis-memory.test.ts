import { RE2JS } from 're2js';
import type { Json } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { AnyRemediation } from '../../src/domain/remediation.ts';
import { bigKeys } from '../../src/remediations/redis/big-keys.ts';
import { memoryDoctor } from '../../src/remediations/redis/memory-doctor.ts';
import { printableKey } from '../../src/remediations/redis/printable-key.ts';
import { purgeMemory } from '../../src/remediations/redis/purge-memory.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediations ask for.
const DOCTOR_RIGHTS = '+memory|doctor';
const PURGE_RIGHTS = '+memory|purge +info';
const MEASURE_RIGHTS = '~* +scan +memory|usage +type';

const parse = ({ params }: AnyRemediation, given: Record<string, Json>) =>
  parseParameters(params, given, (pattern, text) => RE2JS.compile(pattern).matches(text));

describe('printableKey', () => {
  it.each([
    [Buffer.from('user:7'), 'user:7'],
    [Buffer.from('größe\n'), 'größe\\x0a'],
    [Buffer.from([0x61, 0xff, 0x00, 0x62]), 'a\\xff\\x00b'],
    [Buffer.from('x'.repeat(300)), `${'x'.repeat(200)}…`],
  ])('shows %p as %p', (key, shown) => {
    expect(printableKey(key)).toBe(shown);
  });
});

describe('redis.big_keys', () => {
  it.each(['*', '?x', '[a]*', '\\*x', ''])('refuses the pattern %p without a literal prefix', (match) => {
    expect(() => parse(bigKeys, { match })).toThrow(/match/);
  });

  it.each([{ sample: 0 }, { sample: 200_001 }, { limit: 0 }, { limit: 101 }, { samples: 0 }])('refuses %p', (params) => {
    expect(() => parse(bigKeys, params)).toThrow(/allowed is/);
  });
});

describeWith('redis', 'the memory of a Redis server', () => {
  let server: GuardedRedis;

  beforeAll(async () => {
    server = await startGuardedRedis();
  });
  beforeEach(() => server.admin().flushall());
  afterAll(() => server.stop());

  const run = async (remediation: AnyRemediation, url: string, given: Record<string, Json> = {}, timeoutMs = 20_000) => {
    const context = createStepContext(redisConnection(url), { timeoutMs });
    return await remediation.run(await remediation.plan(parse(remediation, given), context), context);
  };
  const fill = async (prefix: string, count: number, bytes: number, database = 0): Promise<void> => {
    const pairs = Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x'.repeat(bytes)]).flat();
    await server.admin(database).mset(...pairs);
  };

  describe('redis.memory_doctor', () => {
    it('is healthy when the server finds nothing', async () => {
      const output = await run(memoryDoctor, await server.createUser('remedyd', DOCTOR_RIGHTS));
      expect(output).toEqual({ healthy: true, issues: [], text: expect.stringMatching(/^Hi Sam/) });
    });

    it('names what the server finds', async () => {
      await fill('big:', 40, 1_000_000);
      await server.admin().flushall();
      await fill('some:', 6, 1_000_000);
      const output = await run(memoryDoctor, await server.createUser('remedyd', DOCTOR_RIGHTS));
      expect(output).toMatchObject({
        healthy: false,
        issues: expect.arrayContaining([expect.stringMatching(/^Peak memory: /)]),
        text: expect.stringMatching(/^Sam, I detected a few issues/),
      });
    });

    it('names the right that is missing', async () => {
      expect(await stepFailure(run(memoryDoctor, await server.createUser('remedyd', '+memory|usage')))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining('memory|doctor'),
      });
    });
  });

  describe('redis.purge_memory', () => {
    it('purges and says what the process had and has', async () => {
      const url = await server.createUser('remedyd', PURGE_RIGHTS);
      await fill('user:', 10, 10);
      const keys = await server.dump();
      const context = createStepContext(redisConnection(url));
      const planned = await purgeMemory.plan({}, context);
      expect(planned).toMatchObject({ identity: { connection: 'cache' }, touches: ['redis:cache'] });
      const output = await purgeMemory.run(planned, context);
      expect(output).toEqual({
        before: expect.any(Number),
        after: expect.any(Number),
        freed_bytes: Math.max(Number(output['before']) - Number(output['after']), 0),
      });
      expect(output['after']).toBeGreaterThan(1_000_000);
      expect(await server.dump()).toEqual(keys);
      expect(await server.admin().info('commandstats')).toMatch(/cmdstat_memory\|purge:calls=1,/);
    });

    it.each([
      ['+info', 'memory|purge'],
      ['+memory|purge', 'info'],
    ])('with only %s it names %s', async (rights, missing) => {
      expect(await stepFailure(run(purgeMemory, await server.createUser('remedyd', rights)))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(missing),
      });
    });
  });

  describe('redis.big_keys', () => {
    it('names the biggest keys of its database, the biggest first', async () => {
      await fill('small:', 500, 10);
      await fill('other:', 1, 1_000_000, 2);
      await server.admin().set('big:string', 'x'.repeat(200_000));
      await server.admin().rpush('big:list', ...Array.from({ length: 50 }, () => 'x'.repeat(10_000)));
      const output = await run(bigKeys, await server.createUser('remedyd', MEASURE_RIGHTS), { limit: 2 });
      expect(output).toEqual({
        keys: [
          { key: 'big:list', type: 'list', bytes: expect.any(Number) },
          { key: 'big:string', type: 'string', bytes: expect.any(Number) },
        ],
        sampled: 502,
        bytes: expect.any(Number),
        complete: true,
      });
      expect(output['bytes']).toBeGreaterThan(700_000);
      const entering = await server.createUser('remedyd', `${MEASURE_RIGHTS} +select`, 2);
      expect(await run(bigKeys, entering)).toMatchObject({ keys: [{ key: 'other:0', type: 'string' }], sampled: 1 });
    });

    it('measures only keys that match, with the right to only them', async () => {
      await fill('user:', 100, 10);
      await fill('session:', 100, 10);
      const url = await server.createUser('remedyd', MEASURE_RIGHTS.replace('~*', '~session:*'));
      expect(await run(bigKeys, url, { match: 'session:*' })).toMatchObject({ sampled: 100, complete: true });
      expect(await stepFailure(run(bigKeys, url))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringMatching(/NOPERM .* \(memory\)$/),
      });
    });

    it('measures no more than the sample and says so', async () => {
      await fill('user:', 1_000, 10);
      expect(await run(bigKeys, await server.createUser('remedyd', MEASURE_RIGHTS), { sample: 120 })).toMatchObject({
        sampled: 120,
        complete: false,
      });
    });

    it('stops before its step is over and says what it has', async () => {
      await fill('user:', 1_000, 10);
      const url = await server.createUser('remedyd', MEASURE_RIGHTS);
      const context = createStepContext(redisConnection(url));
      const planned = await bigKeys.plan(parse(bigKeys, {}), context);
      let calls = 0;
      const clock = { ...context.clock, monotonic: () => (calls++ < 3 ? 0 : 1_000_000) };
      const output = await bigKeys.run(planned, { ...context, clock });
      expect(output).toMatchObject({ complete: false });
      expect(output['sampled']).toBeGreaterThan(0);
      expect(output['sampled']).toBeLessThan(1_000);
    });

    it.each([
      ['~* +memory|usage +type', 'scan'],
      ['~* +scan +type', 'memory|usage'],
      ['~* +scan +memory|usage', 'type'],
    ])('with only %s it names %s', async (rights, missing) => {
      await fill('user:', 3, 10);
      expect(await stepFailure(run(bigKeys, await server.createUser('remedyd', rights)))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(missing),
      });
    });
  });

  it.each([memoryDoctor, purgeMemory, bigKeys])('$name ends with its step when the server hangs', async (remediation) => {
    await using silent = await startSilentServer();
    const controller = new AbortController();
    const context = createStepContext(redisConnection(`redis://127.0.0.1:${silent.port}`), { signal: controller.signal });
    const plan = { summary: '', identity: {}, touches: [], data: { database: 0, match: '*', sample: 1, limit: 1, samples: 1 } };
    const failure = stepFailure(remediation.run(plan, context));
    await silent.connected;
    controller.abort();
    expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
  });
});
