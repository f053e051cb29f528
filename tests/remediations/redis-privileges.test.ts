import type { RedisConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { redisRemediations } from '../../src/remediations/redis/index.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

interface Call {
  readonly params: JsonObject;
  /** What the notes ask for, in `ACL SETUSER remedyd on >… RIGHTS`. */
  readonly rights: readonly string[];
}

/** A call of each that needs all of its rights. */
const CALLS: Readonly<Record<string, Call>> = {
  'redis.big_keys': { params: {}, rights: ['~* +scan +memory|usage +type'] },
  'redis.delete_keys': { params: { match: 'session:*' }, rights: ['~session:* +scan +unlink'] },
  'redis.flush_db': { params: {}, rights: ['+dbsize +flushdb'] },
  'redis.get_config': { params: { name: 'maxmemory' }, rights: ['+config|get'] },
  'redis.info': { params: {}, rights: ['+info'] },
  'redis.memory_doctor': { params: {}, rights: ['+memory|doctor'] },
  'redis.ping': { params: {}, rights: ['+ping'] },
  'redis.purge_memory': { params: {}, rights: ['+memory|purge +info'] },
  'redis.set_config': { params: { name: 'timeout', value: '300' }, rights: ['+config|get +config|set'] },
  'redis.set_eviction_policy': { params: { policy: 'allkeys-lru' }, rights: ['+config|get +config|set'] },
};

/** Those that need idle clients or a save: the tests of these work with exactly the rights that are said here. */
const ELSEWHERE: Readonly<Record<string, Call>> = {
  'redis.kill_idle_clients': { params: {}, rights: ['+client|list +client|kill'] },
  'redis.save_rdb': { params: {}, rights: ['+bgsave +info', '+sync +replconf'] },
};

const byName = (remediations: readonly AnyRemediation[]) =>
  remediations.map((remediation) => [remediation.name, remediation] as const);
const here = byName(redisRemediations.filter(({ name }) => name in CALLS));

const documentedRights = ({ notes }: AnyRemediation): readonly string[] =>
  [...notes.matchAll(/`ACL SETUSER remedyd on >… ([^`]+)`/g)].map(([, rights = '']) => rights);

it.each(byName(redisRemediations))('the notes of %s ask for exactly the rights that the tests give', (name, remediation) => {
  expect(documentedRights(remediation)).toEqual((CALLS[name] ?? ELSEWHERE[name])?.rights);
});

describeWith('redis', 'the rights of Redis', () => {
  let server: GuardedRedis;

  beforeAll(async () => {
    server = await startGuardedRedis();
  });
  beforeEach(async () => {
    for (const database of [0, 2]) await server.admin(database).mset('session:1', 'a', 'session:2', 'b');
    await server.admin().config('SET', 'timeout', '0');
  });
  afterAll(() => server.stop());

  const contextFor = (url: string, overrides: Partial<StepContext> = {}): StepContext => {
    const connection: RedisConnection = { ...redisConnection(url, true), allowConfig: ['timeout', 'maxmemory-policy'] };
    return createStepContext(connection, overrides);
  };
  const paramsOf = ({ name, params }: AnyRemediation): JsonObject =>
    parseParameters(params, (CALLS[name] ?? ELSEWHERE[name])?.params ?? {}, matchesPattern);
  const perform = async (remediation: AnyRemediation, url: string): Promise<JsonObject> =>
    remediation.run(await remediation.plan(paramsOf(remediation), contextFor(url)), contextFor(url));
  /** What it says when a right is missing. A ping says so in its output. */
  const refusal = async (remediation: AnyRemediation, url: string): Promise<string> => {
    if (remediation.name === 'redis.ping') {
      const output = await perform(remediation, url);
      expect(output).toMatchObject({ pong: false, reason: 'permission_denied' });
      return JSON.stringify(output['message']);
    }
    const failure = await stepFailure(perform(remediation, url));
    expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
    return failure.message;
  };

  describe.each(here)('%s', (name, remediation) => {
    const rights = CALLS[name]?.rights[0] ?? '';

    it('works with exactly the rights of its notes', async () => {
      const output = await perform(remediation, await server.createUser('remedyd', rights));
      expect(Object.keys(output).sort()).toEqual(Object.keys(remediation.outputs).sort());
      expect(output['pong']).not.toBe(false);
    });

    it('needs the right to select a database other than 0', async () => {
      const other = await server.createUser('remedyd', `${rights} +select`, 2);
      expect((await perform(remediation, other))['pong']).not.toBe(false);
      expect(await refusal(remediation, await server.createUser('remedyd', rights, 2))).toContain("'select'");
      expect(await server.admin().dbsize()).toBe(2);
    });

    it.each(rights.split(' '))('without %s says so', async (missing) => {
      const less = rights.split(' ').filter((right) => right !== missing);
      const url = await server.createUser('remedyd', less.length === 0 ? '+echo' : less.join(' '));
      expect(await refusal(remediation, url)).toContain(missing.startsWith('~') ? 'access' : `'${missing.slice(1)}'`);
      expect(await server.admin().dbsize()).toBe(2);
      expect(await server.admin().config('GET', 'timeout')).toEqual(['timeout', '0']);
    });
  });

  it.each(['redis.flush_db', 'redis.delete_keys'])('%s touches no database but that of its plan', async (name) => {
    const remediation = remediationNamed(name);
    const planned = await remediation.plan(paramsOf(remediation), contextFor(server.url));
    const elsewhere = contextFor(server.url.replace(/\/?$/, '/2'));
    expect(await stepFailure(remediation.run(planned, elsewhere))).toMatchObject({
      code: 'precondition_failed',
      happened: 'nothing',
    });
    expect(await server.admin(2).dbsize()).toBe(2);
  });

  it('deletes no keys by a pattern without a beginning, though nobody checked the parameters', async () => {
    for (const match of ['*', '', '?ession:*']) {
      const failure = await stepFailure(
        remediationNamed('redis.delete_keys').plan({ match, batch: 10, limit: 10 }, contextFor(server.url)),
      );
      expect(failure).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    }
  });

  it.each(byName(redisRemediations.filter(({ name }) => name !== 'redis.ping')))(
    '%s ends with its step at a server that hangs',
    async (_name, remediation) => {
      await using silent = await startSilentServer();
      const hangs = `redis://127.0.0.1:${silent.port}`;
      const params = paramsOf(remediation);
      // What reads needs no server to be planned.
      if (remediation.effect(params) !== 'read') {
        expect(await stepFailure(remediation.plan(params, contextFor(hangs, { timeoutMs: 50 })))).toMatchObject({
          code: 'timeout',
          happened: 'nothing',
        });
      }
      const planned = await remediation.plan(params, contextFor(server.url));
      const controller = new AbortController();
      const failure = stepFailure(remediation.run(planned, contextFor(hangs, { signal: controller.signal })));
      await silent.connected;
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
    },
  );

  it.each([
    ['redis.flush_db', 'flushdb'],
    ['redis.delete_keys', 'unlink'],
  ])('%s is taken back where the server had not got to it yet, and says that it does not know', async (name, command) => {
    const remediation = remediationNamed(name);
    const url = await server.createUser('remedyd', CALLS[name]?.rights[0] ?? '');
    const planned = await remediation.plan(paramsOf(remediation), contextFor(url));
    await server.admin().call('CLIENT', 'PAUSE', '60000', 'WRITE');
    const ours = async (): Promise<string | undefined> =>
      String(await server.admin().client('LIST'))
        .split('\n')
        .find((line) => line.includes('user=remedyd'));
    try {
      const controller = new AbortController();
      const failure = stepFailure(remediation.run(planned, contextFor(url, { signal: controller.signal })));
      while ((await ours())?.includes(`cmd=${command}`) !== true);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
      while ((await ours()) !== undefined);
    } finally {
      await server.admin().call('CLIENT', 'UNPAUSE');
    }
    expect(await server.admin().dbsize()).toBe(2);
  });
});

function remediationNamed(name: string): AnyRemediation {
  const found = redisRemediations.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} is gone`);
  return found;
}
