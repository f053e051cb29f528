import { z } from 'zod';
import type { StepContext } from '../../src/domain/remediation.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import {
  withPostgresSession,
  type PostgresSession,
  type SessionContext,
} from '../../src/remediations/postgres/postgres-session.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { stepFailure } from '../support/step-failure.ts';

const anything = z.unknown();

describeWith('postgres', 'a PostgreSQL session of a remediation', () => {
  let server: GuardedPostgres;
  let role: { readonly name: string; readonly url: string };

  beforeAll(async () => {
    server = await startGuardedPostgres();
    role = await server.createRole('remedyd');
  });
  afterEach(() => server.closeClients());
  afterAll(() => server.stop());

  const contextOf = (url: string, overrides: Partial<StepContext> = {}): SessionContext => ({
    connection: postgresConnection(url),
    signal: overrides.signal ?? new AbortController().signal,
    timeoutMs: overrides.timeoutMs ?? 20_000,
    clock: new SystemClock(),
  });
  const open = (url: string) => stepFailure(withPostgresSession(contextOf(url), (session) => session.read(anything, 'SELECT 1')));
  const whenGone = (): Promise<void> =>
    server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '${role.name}')`);
  const abortWhile = async (condition: string, use: (session: PostgresSession) => Promise<unknown>, reason?: Error) => {
    const controller = new AbortController();
    const failure = stepFailure(withPostgresSession(contextOf(role.url, { signal: controller.signal }), use));
    await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${role.name}' AND ${condition}`);
    controller.abort(reason);
    return await failure;
  };

  it('cancels a running statement in the server on abort', async () => {
    const failure = await abortWhile(`wait_event = 'PgSleep'`, (session) => session.read(anything, 'SELECT pg_sleep(600)'));
    expect(failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
    await whenGone();
  });

  it('ends when a statement is answered with more than memory has room for, and not when many are together', async () => {
    const rows = (count: number): string => `SELECT repeat('x', 1000000) FROM generate_series(1, ${count})`;
    const endless = withPostgresSession(contextOf(role.url), (session) => session.read(anything, rows(100_000)));
    expect(await stepFailure(endless)).toMatchObject({
      code: 'invalid_response',
      happened: 'nothing',
      message: expect.stringContaining('more than 64 MiB'),
    });
    await whenGone();
    const counts = withPostgresSession(contextOf(role.url), async (session) => {
      const [first, second] = [await session.read(anything, rows(40)), await session.read(anything, rows(40))];
      return [first.length, second.length];
    });
    expect(await counts).toEqual([40, 40]);
  });

  it('cancels a statement that waits for a lock, and knows a timeout from a cancel', async () => {
    const holder = await server.openClient(server.url);
    await holder.client.query('SELECT pg_advisory_lock(7)');
    const failure = await abortWhile(
      `wait_event_type = 'Lock'`,
      (session) => session.read(anything, 'SELECT pg_advisory_lock(7)'),
      new DOMException('time is up', 'TimeoutError'),
    );
    expect(failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
    await whenGone();
  });

  it('does not know what a cancelled acting statement has done', async () => {
    const failure = await abortWhile(`wait_event = 'PgSleep'`, (session) =>
      session.change(anything, 'SELECT pg_sleep($1)', [600]),
    );
    expect(failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
    await whenGone();
  });

  it('is ended by the server itself when only the time limit of the statement is left', async () => {
    const context = contextOf(role.url, { timeoutMs: 300 });
    const failure = await stepFailure(withPostgresSession(context, (session) => session.read(anything, 'SELECT pg_sleep(600)')));
    expect(failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
    await whenGone();
  });

  it('keeps its limits and its name whatever the URL asks for', async () => {
    const url = `${role.url}?application_name=web&statement_timeout=0&lock_timeout=0&options=-c%20search_path%3Dpublic`;
    const [settings] = await withPostgresSession(contextOf(url, { timeoutMs: 5_000 }), (session) =>
      session.read(
        z.record(z.string(), z.string()),
        `SELECT current_setting('application_name') AS name, current_setting('search_path') AS path, current_setting('statement_timeout') AS statement`,
      ),
    );
    expect(settings).toMatchObject({ name: 'remedyd', path: 'pg_catalog', statement: expect.not.stringMatching(/^0$/) });
  });

  it('reports a session that was ended from outside', async () => {
    const failure = await stepFailure(
      withPostgresSession(contextOf(role.url), (session) =>
        session.read(anything, 'SELECT pg_terminate_backend(pg_backend_pid())'),
      ),
    );
    expect(failure).toMatchObject({ code: 'unavailable', happened: 'nothing' });
  });

  it('reports an answer of another shape', async () => {
    const failure = await stepFailure(
      withPostgresSession(contextOf(role.url), (session) => session.read(z.object({ pid: z.int() }), `SELECT 'x' AS pid`)),
    );
    expect(failure).toMatchObject({ code: 'invalid_response', happened: 'nothing' });
  });

  it('does not begin once it is aborted', async () => {
    const context = contextOf(role.url, { signal: AbortSignal.abort() });
    expect(await stepFailure(withPostgresSession(context, () => Promise.resolve()))).toMatchObject({
      code: 'aborted',
      happened: 'nothing',
    });
  });

  it('gives up a connection attempt to a silent server on abort', async () => {
    await using silent = await startSilentServer();
    const controller = new AbortController();
    const url = `postgres://remedyd:geheim@127.0.0.1:${silent.port}/postgres`;
    const failure = stepFailure(
      withPostgresSession(contextOf(url, { signal: controller.signal }), (session) => session.read(anything, 'SELECT 1')),
    );
    await silent.connected;
    controller.abort();
    expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
  });

  it.each([
    ['an unreachable server', async () => `postgres://u:geheim@127.0.0.1:${await freePort()}/postgres`, 'unavailable'],
    ['an unknown host', () => 'postgres://u:geheim@host.invalid/postgres', 'unavailable'],
    ['a wrong password', () => withPassword(role.url, 'geheim'), 'permission_denied'],
    ['a missing password', () => withPassword(role.url, ''), 'permission_denied'],
    ['an unknown database', () => role.url.replace(/\/postgres$/, '/geheim'), 'not_found'],
    ['an unreadable URL', () => 'postgres://u:geheim@host:port/postgres', 'invalid_value'],
  ])('maps %s to one code, and shows nothing of the URL', async (_case, url, code) => {
    const failure = await open(await url());
    expect(failure).toMatchObject({ code, happened: 'nothing' });
    expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)} ${String(failure.cause)}`).not.toContain('geheim');
  });

  it('reports a full server as unavailable', async () => {
    const limited = await server.createRole('limited');
    await server.query(`ALTER ROLE ${limited.name} CONNECTION LIMIT 1`);
    await server.openClient(limited.url);
    expect(await open(limited.url)).toMatchObject({ code: 'unavailable', happened: 'nothing' });
  });
});

function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}
