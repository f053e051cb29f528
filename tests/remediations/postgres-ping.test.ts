import { ping } from '../../src/remediations/postgres/ping.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const NOT_READY = { ready: false, version: '', in_recovery: false, starting: false, latency: expect.any(Number) };

describeWith('postgres', 'postgres.ping', () => {
  let server: GuardedPostgres;

  beforeAll(async () => {
    server = await startGuardedPostgres();
  });
  afterAll(() => server.stop());

  const run = async (url: string, overrides: Parameters<typeof createStepContext>[1] = {}) => {
    const context = createStepContext(postgresConnection(url), overrides);
    return await ping.run(await ping.plan({}, context), context);
  };

  it('is ready when the server answers a role without any grant', async () => {
    const role = await server.createRole('remedyd');
    expect(await run(role.url)).toEqual({
      ready: true,
      version: expect.stringMatching(/^\d+/),
      in_recovery: false,
      starting: false,
      latency: expect.any(Number),
      reason: '',
      message: '',
    });
  });

  it('is not ready when nobody listens', async () => {
    expect(await run(`postgres://u:geheim@127.0.0.1:${await freePort()}/postgres`)).toEqual({
      ...NOT_READY,
      reason: 'unavailable',
      message: 'PostgreSQL "main": the server cannot be reached (ECONNREFUSED)',
    });
  });

  it('is not ready when the password is refused', async () => {
    const role = await server.createRole('remedyd');
    const url = new URL(role.url);
    url.password = 'wrong';
    expect(await run(url.href)).toEqual({
      ...NOT_READY,
      reason: 'permission_denied',
      message: 'PostgreSQL "main": the server refused the password (28P01)',
    });
  });

  it('is not ready when the server takes the connection and says nothing, before the step times out', async () => {
    await using silent = await startSilentServer();
    expect(await run(`postgres://u:p@127.0.0.1:${silent.port}/postgres`, { timeoutMs: 500 })).toEqual({
      ...NOT_READY,
      reason: 'timeout',
      message: expect.stringContaining('PostgreSQL "main"'),
    });
  });

  it('fails when its step is cancelled, and when its URL is none', async () => {
    expect(await stepFailure(run(server.url, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' });
    expect(await stepFailure(run('postgres://host:port'))).toMatchObject({ code: 'invalid_value' });
  });
});
