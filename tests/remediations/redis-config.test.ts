import { RE2JS } from 're2js';
import type { Json } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { AnyRemediation, Plan } from '../../src/domain/remediation.ts';
import { getConfig } from '../../src/remediations/redis/get-config.ts';
import { isSameSetting } from '../../src/remediations/redis/is-same-setting.ts';
import { setConfig } from '../../src/remediations/redis/set-config.ts';
import { setEvictionPolicy } from '../../src/remediations/redis/set-eviction-policy.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediations ask for.
const READ_RIGHTS = '+config|get';
const CHANGE_RIGHTS = '+config|get +config|set';
const ALLOWED = ['maxmemory', 'maxmemory-policy', 'timeout', 'dir'];

const NEVER_SET = [
  ...['dir', 'dbfilename', 'appendfilename', 'appenddirname', 'logfile', 'pidfile', 'aclfile'],
  ...[
    'enable-protected-configs',
    'enable-debug-command',
    'enable-module-command',
    'lua-enable-insecure-api',
    'loadmodule',
    'sanitize-dump-payload',
  ],
  ...['requirepass', 'masterauth', 'masteruser', 'primaryauth', 'primaryuser', 'tls-key-file-pass', 'tls-client-key-file-pass'],
  ...['bind', 'bind-source-addr', 'port', 'unixsocket', 'unixsocketperm', 'protected-mode', 'tls-port', 'tls-auth-clients'],
  ...['acl-pubsub-default', 'replicaof', 'slaveof', 'cluster-announce-ip', 'replica-announce-ip', 'slave-announce-port'],
];

const parse = ({ params }: AnyRemediation, given: Record<string, Json>) =>
  parseParameters(params, given, (pattern, text) => RE2JS.compile(pattern).matches(text));

describe('parameters of Redis', () => {
  it.each([
    ['1gb', '1073741824', true],
    ['1GB', '1073741824', true],
    ['2g', '2000000000', true],
    ['100k', '100000', true],
    ['3600 1  300 100', '3600 1 300 100', true],
    ['AllKeys-LRU', 'allkeys-lru', true],
    ['normal 0 0 0 pubsub 32mb 8mb 60', 'normal 0 0 0 pubsub 33554432 8388608 60', true],
    ['1gb', '1000000000', false],
    ['yes', 'no', false],
    ['', '0', false],
  ])('%p and %p are the same setting: %p', (one, other, isSame) => {
    expect(isSameSetting(one, other)).toBe(isSame);
  });

  it.each(['*', 'max*', 'maxmemory-?olicy', '[a-z]*', '', 'MaxMemory', 'a b', '\n'])('are never named by %p', (name) => {
    expect(() => parse(getConfig, { name })).toThrow(/name/);
    expect(() => parse(setConfig, { name, value: '1' })).toThrow(/name/);
  });

  it('need a value to be set', () => {
    expect(() => parse(setConfig, { name: 'maxmemory' })).toThrow('parameter "value" is required');
    expect(() => parse(setConfig, { name: 'maxmemory', value: '' })).toThrow('parameter "value" is empty');
    expect(() => parse(setEvictionPolicy, { policy: 'allkeys' })).toThrow(/expected one of noeviction/);
  });
});

describeWith('redis', 'parameters of a Redis server', () => {
  let server: GuardedRedis;
  let url: string;

  beforeAll(async () => {
    server = await startGuardedRedis();
  });
  beforeEach(async () => {
    await server.admin().config('SET', 'maxmemory', '64mb');
    await server.admin().config('SET', 'maxmemory-policy', 'noeviction');
    url = await server.createUser('remedyd', CHANGE_RIGHTS);
  });
  afterAll(() => server.stop());

  const contextOf = (target: string, allowConfig: readonly string[] = ALLOWED) =>
    createStepContext({ ...redisConnection(target), allowConfig });
  const run = async (remediation: AnyRemediation, given: Record<string, Json>, target = url) => {
    const planned = await remediation.plan(parse(remediation, given), contextOf(target));
    return await remediation.run(planned, contextOf(target));
  };
  const valueOf = async (name: string): Promise<unknown> => (await server.admin().config('GET', name))[1];
  const lookAfter = async (planned: Plan) => await setConfig.look?.(planned, 0, contextOf(url));

  describe('redis.get_config', () => {
    it('reads one parameter, whole and in words', async () => {
      const reader = await server.createUser('reader', READ_RIGHTS);
      expect(await run(getConfig, { name: 'maxmemory' }, reader)).toEqual({ value: '67108864', values: ['67108864'] });
      await server.admin().config('SET', 'save', '3600 1 300 100');
      expect(await run(getConfig, { name: 'save' }, reader)).toEqual({
        value: '3600 1 300 100',
        values: ['3600', '1', '300', '100'],
      });
      await server.admin().config('SET', 'save', '');
      expect(await run(getConfig, { name: 'save' }, reader)).toEqual({ value: '', values: [] });
    });

    it.each(['requirepass', 'masterauth', 'tls-key-file-pass', 'primaryauth', 'x-token'])(
      'never reads the secret %s',
      async (name) => {
        const refusal = { code: 'not_allowed', happened: 'nothing' };
        expect(await stepFailure(run(getConfig, { name }))).toMatchObject(refusal);
        const forged: Plan = { summary: '', identity: {}, touches: [], data: { parameter: name } };
        expect(await stepFailure(getConfig.run(forged, contextOf(url)))).toMatchObject(refusal);
      },
    );

    it('says when there is no such parameter, and which right is missing', async () => {
      expect(await stepFailure(run(getConfig, { name: 'maxmemori' }))).toMatchObject({
        code: 'not_found',
        message: 'Redis "cache": the server has no parameter "maxmemori"',
      });
      expect(await stepFailure(run(getConfig, { name: 'save' }, await server.createUser('reader', '+ping')))).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('config|get'),
      });
    });
  });

  describe('redis.set_config', () => {
    it('sets what is allowed and answers with what was and what is', async () => {
      const planned = await setConfig.plan(parse(setConfig, { name: 'maxmemory', value: '128mb' }), contextOf(url));
      expect(planned).toMatchObject({
        summary: 'set maxmemory of Redis "cache" to "128mb" (now "67108864")',
        identity: { connection: 'cache', parameter: 'maxmemory', value: '128mb' },
        touches: ['redis:cache'],
      });
      expect(await valueOf('maxmemory')).toBe('67108864');
      expect(await setConfig.run(planned, contextOf(url))).toEqual({ previous: '67108864', value: '134217728' });
      expect(await valueOf('maxmemory')).toBe('134217728');
    });

    it.each(['maxclients', 'maxmemory-samples', 'timeou', 'timeouts'])('does not set %s, which nobody allowed', async (name) => {
      const before = await server.admin().config('GET', '*');
      expect(await stepFailure(run(setConfig, { name, value: '1' }))).toMatchObject({
        code: 'not_allowed',
        happened: 'nothing',
        message: expect.stringContaining('allow_config'),
      });
      expect(await server.admin().config('GET', '*')).toEqual(before);
    });

    it.each(NEVER_SET)('never sets %s, although it is allowed', async (name) => {
      const context = contextOf(url, [...ALLOWED, name]);
      const failure = await stepFailure(setConfig.plan({ name, value: 'geheim' }, context));
      expect(failure).toMatchObject({ code: 'not_allowed', message: expect.stringContaining('is never set') });
      expect(failure.message).not.toContain('geheim');
      const forged: Plan = { summary: '', identity: {}, touches: [], data: { parameter: name, previous: '', value: 'geheim' } };
      expect(await stepFailure(setConfig.run(forged, context))).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    });

    it('is refused once the connection no longer allows it', async () => {
      const planned = await setConfig.plan({ name: 'timeout', value: '300' }, contextOf(url));
      expect(await stepFailure(setConfig.run(planned, contextOf(url, [])))).toMatchObject({ code: 'not_allowed' });
      expect(await valueOf('timeout')).toBe('0');
    });

    it('knows that nothing happened when the server refuses the value or the right', async () => {
      expect(await stepFailure(run(setConfig, { name: 'timeout', value: 'soon' }))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
      });
      const reader = await server.createUser('reader', READ_RIGHTS);
      expect(await stepFailure(run(setConfig, { name: 'timeout', value: '300' }, reader))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining('config|set'),
      });
      expect(await valueOf('timeout')).toBe('0');
    });

    it('looks whether it was done by reading it back', async () => {
      const planned = await setConfig.plan({ name: 'maxmemory', value: '128mb' }, contextOf(url));
      expect(await lookAfter(planned)).toEqual({ state: 'not_done' });
      await server.admin().config('SET', 'maxmemory', '134217728');
      expect(await lookAfter(planned)).toEqual({ state: 'done', output: { previous: '67108864', value: '134217728' } });
      await server.admin().config('SET', 'maxmemory', '32mb');
      expect(await lookAfter(planned)).toEqual({ state: 'unknown' });
    });

    it('ends with its step when the server hangs', async () => {
      process.kill(server.pid, 'SIGSTOP');
      try {
        const failure = stepFailure(
          setConfig.plan(
            { name: 'timeout', value: '1' },
            createStepContext({ ...redisConnection(url), allowConfig: ALLOWED }, { timeoutMs: 200 }),
          ),
        );
        expect(await failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
    });
  });

  describe('redis.set_eviction_policy', () => {
    it('sets the policy', async () => {
      expect(await run(setEvictionPolicy, { policy: 'allkeys-lru' })).toEqual({ previous: 'noeviction', policy: 'allkeys-lru' });
      expect(await valueOf('maxmemory-policy')).toBe('allkeys-lru');
    });

    it('needs the connection to allow it', async () => {
      expect(await stepFailure(setEvictionPolicy.plan({ policy: 'allkeys-lru' }, contextOf(url, ['maxmemory'])))).toMatchObject({
        code: 'not_allowed',
        message: expect.stringContaining('"maxmemory-policy"'),
      });
    });

    it('looks whether it was done', async () => {
      const planned = await setEvictionPolicy.plan({ policy: 'volatile-ttl' }, contextOf(url));
      const look = async () => await setEvictionPolicy.look?.(planned, 0, contextOf(url));
      expect(await look()).toEqual({ state: 'not_done' });
      await setEvictionPolicy.run(planned, contextOf(url));
      expect(await look()).toEqual({ state: 'done', output: { previous: 'noeviction', policy: 'volatile-ttl' } });
    });
  });
});
