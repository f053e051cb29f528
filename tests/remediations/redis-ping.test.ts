import { deleteKeys } from '../../src/remediations/redis/delete-keys.ts';
import { ping } from '../../src/remediations/redis/ping.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const NO_PONG = { pong: false, latency: expect.any(Number) };

describeWith('redis', 'redis.ping', () => {
  let server: GuardedRedis;

  beforeAll(async () => {
    server = await startGuardedRedis({ maxclients: '4' });
  });
  afterAll(() => server.stop());

  const run = async (url: string, overrides: Parameters<typeof createStepContext>[1] = {}) => {
    const context = createStepContext(redisConnection(url), overrides);
    return await ping.run(await ping.plan({}, context), context);
  };

  it('gets a pong as a user who may do nothing else', async () => {
    expect(await run(await server.createUser('remedyd', '+ping'))).toEqual({
      pong: true,
      latency: expect.any(Number),
      reason: '',
      message: '',
    });
  });

  it('gets none when nobody listens', async () => {
    expect(await run(`redis://u:geheim@127.0.0.1:${await freePort()}`)).toEqual({
      ...NO_PONG,
      reason: 'unavailable',
      message: 'Redis "cache": the server cannot be reached (ECONNREFUSED)',
    });
  });

  it.each([
    ['a wrong password', (url: string) => url.replace('geheim', 'falsch')],
    ['a database that it may not enter', (url: string) => url.replace(/\/0$/, '/1')],
  ])('gets none with %s', async (_case, change) => {
    const output = await run(change(await server.createUser('remedyd', '+ping')));
    expect(output).toMatchObject({ ...NO_PONG, reason: 'permission_denied' });
    expect(output['message']).not.toMatch(/geheim|falsch/);
  });

  it('gets none when the server has no connection left', async () => {
    const url = await server.createUser('remedyd', '+ping');
    const others = Array.from({ length: 3 }, () => server.admin().duplicate());
    await Promise.all(others.map((client) => client.ping()));
    expect(await run(url)).toMatchObject({ ...NO_PONG, reason: 'unavailable' });
    await Promise.all(others.map((client) => client.quit()));
  });

  it('gets none from a server that does not speak TLS', async () => {
    expect(await run(server.url.replace('redis:', 'rediss:'), { timeoutMs: 2_000 })).toMatchObject(NO_PONG);
  });

  it('gets none from a server that hangs, before the step times out; other work ends with the step', async () => {
    const url = await server.createUser('remedyd', '+ping +scan');
    process.kill(server.pid, 'SIGSTOP');
    try {
      expect(await run(url, { timeoutMs: 500 })).toMatchObject({ ...NO_PONG, reason: 'timeout' });
      const controller = new AbortController();
      const context = createStepContext(redisConnection(url), { signal: controller.signal });
      const failure = stepFailure(deleteKeys.plan({ match: 'a*', batch: 10, limit: 10 }, context));
      controller.abort(new DOMException('time is up', 'TimeoutError'));
      expect(await failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  it('fails when its step is cancelled', async () => {
    expect(await stepFailure(run(server.url, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' });
  });
});

describe('the url of a Redis connection', () => {
  it.each([
    'localhost:6379',
    'http://u:geheim@host',
    'redis://u:geheim@host:port',
    'redis://u:geheim@host/one',
    'redis://u:geheim@host/0/1',
    'redis://u:geheim@host/?db=3',
    'redis://u:gehe#im@host/0',
    'redis://u:geheim%zz@host/0',
    'redis:///0',
  ])('is refused when it cannot be taken whole: %s', async (url) => {
    const failure = await stepFailure(
      ping.run({ summary: '', identity: {}, touches: [], data: null }, createStepContext(redisConnection(url))),
    );
    expect(failure).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    expect(`${failure.message} ${failure.stack}`).not.toContain('gehe');
  });
});
