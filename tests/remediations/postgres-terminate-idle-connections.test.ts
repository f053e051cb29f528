import type { Json } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import { terminateIdleConnections } from '../../src/remediations/postgres/terminate-idle-connections.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres, type TestClient } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const IDLE_FOR_MS = 30;
const GRANTS = ['pg_read_all_stats', 'pg_signal_backend'];

describeWith('postgres', 'postgres.terminate_idle_connections', () => {
  let server: GuardedPostgres;
  let remedyd: { readonly name: string; readonly url: string };
  let web: { readonly name: string; readonly url: string };

  beforeAll(async () => {
    server = await startGuardedPostgres();
    remedyd = await server.createRole('remedyd', { memberOf: GRANTS });
    web = await server.createRole('web');
  });
  afterEach(() => server.closeClients());
  afterAll(() => server.stop());

  const plan = (params: Record<string, Json> = {}, url = remedyd.url): Promise<Plan> =>
    terminateIdleConnections.plan({ idle_for: IDLE_FOR_MS, limit: 50, ...params }, createStepContext(postgresConnection(url)));
  const run = (planned: Plan, url = remedyd.url) =>
    terminateIdleConnections.run(planned, createStepContext(postgresConnection(url)));
  const planAndRun = async (params: Record<string, Json> = {}) => run(await plan(params));

  const openIdle = (url = web.url, applicationName = 'app'): Promise<TestClient> => server.openClient(url, applicationName);
  const whenIdle = (client: TestClient): Promise<void> =>
    server.waitFor(
      `SELECT FROM pg_stat_activity WHERE pid = ${client.pid} AND state = 'idle' AND state_change < clock_timestamp() - interval '${2 * IDLE_FOR_MS} ms'`,
    );
  const isAlive = async ({ client }: TestClient): Promise<boolean> => {
    try {
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    }
  };
  const alive = (clients: readonly TestClient[]): Promise<boolean[]> => Promise.all(clients.map(isAlive));

  it('ends the longest idle sessions first, and no more than the limit', async () => {
    const first = await openIdle();
    const second = await openIdle();
    const third = await openIdle();
    const fourth = await openIdle();
    await first.client.query('SELECT 1'); // now the youngest
    await whenIdle(first);

    const planned = await plan({ limit: 2 });
    expect(planned).toMatchObject({
      summary: 'terminate 2 of 4 idle sessions of PostgreSQL "main" (idle for > 30ms), oldest first',
      identity: { connection: 'main', limit: 2, idle_for_ms: IDLE_FOR_MS, user: null, database: null, application_name: null },
      touches: ['postgres:main'],
      count: 2,
    });
    const output = await run(planned);

    expect(output).toMatchObject({ terminated: 2, skipped: 0, remaining: 2 });
    expect(output['sessions']).toMatchObject([
      { pid: second.pid, user: web.name, database: 'postgres', application_name: 'app', client_address: '127.0.0.1' },
      { pid: third.pid },
    ]);
    expect(await alive([first, second, third, fourth])).toEqual([true, false, false, true]);
  });

  it('does nothing when it repeats a plan that was run', async () => {
    const first = await openIdle();
    const second = await openIdle();
    await whenIdle(second);
    const planned = await plan({ limit: 1 });
    await run(planned);
    expect(await run(planned)).toMatchObject({ terminated: 0, skipped: 1, remaining: 1, sessions: [] });
    expect(await alive([first, second])).toEqual([false, true]);
  });

  it('spares busy sessions, those in a transaction, superusers, replication and remedyd itself', async () => {
    const superuser = await server.createRole('dba', { superuser: true });
    const busy = await openIdle();
    const inTransaction = await openIdle();
    const inFailedTransaction = await openIdle();
    const victim = await openIdle();
    const dba = await openIdle(superuser.url);
    const standby = await server.createRole('standby', { replication: true });
    const sender = await openIdle(`${standby.url}?replication=database`);
    const own = await openIdle(remedyd.url, 'remedyd');
    const sleeping = busy.client.query('SELECT pg_sleep(60)').catch(() => undefined);
    await inTransaction.client.query('BEGIN');
    await inFailedTransaction.client.query('BEGIN');
    await inFailedTransaction.client.query('SELECT 1 / 0').catch(() => undefined);
    await server.waitFor(`SELECT FROM pg_stat_activity WHERE pid = ${busy.pid} AND state = 'active'`);
    await whenIdle(victim);
    await whenIdle(own);

    expect(await planAndRun()).toMatchObject({ terminated: 1, remaining: 0, sessions: [{ pid: victim.pid }] });

    const states = await server.query(
      `SELECT pid, state FROM pg_stat_activity WHERE application_name IN ('app', 'remedyd') ORDER BY pid`,
    );
    expect(states).toEqual(
      [
        { pid: busy.pid, state: 'active' },
        { pid: inTransaction.pid, state: 'idle in transaction' },
        { pid: inFailedTransaction.pid, state: 'idle in transaction (aborted)' },
        { pid: dba.pid, state: 'idle' },
        { pid: sender.pid, state: 'idle' },
        { pid: own.pid, state: 'idle' },
      ].sort((a, b) => a.pid - b.pid),
    );
    await server.query(`SELECT pg_cancel_backend(${busy.pid})`);
    await sleeping;
  });

  it('skips a session that worked between plan and run, also when it is idle again', async () => {
    const awake = await openIdle();
    const asleep = await openIdle();
    await whenIdle(asleep);
    const planned = await plan();
    await awake.client.query('SELECT 1');
    await whenIdle(awake);

    expect(await run(planned)).toMatchObject({ terminated: 1, skipped: 1, remaining: 1 });
    expect(await alive([awake, asleep])).toEqual([true, false]);
  });

  it('skips a process id that was used again', async () => {
    const client = await openIdle();
    await whenIdle(client);
    const planned = await plan();
    const reused: Plan = JSON.parse(
      JSON.stringify(planned).replace(/"backend_start":"[^"]*"/g, '"backend_start":"2020-01-01 00:00:00.000001+00"'),
    );

    expect(await run(reused)).toMatchObject({ terminated: 0, skipped: 1, remaining: 1 });
    expect(await isAlive(client)).toBe(true);
  });

  it('filters by exact user, database and application', async () => {
    const other = await server.createRole('batch');
    const webApp = await openIdle();
    const webJob = await openIdle(web.url, 'job');
    const batchApp = await openIdle(other.url);
    await whenIdle(batchApp);

    expect(await planAndRun({ user: web.name, database: 'postgres', application_name: 'job' })).toMatchObject({
      terminated: 1,
      remaining: 0,
      sessions: [{ pid: webJob.pid }],
    });
    expect(await planAndRun({ database: 'other' })).toMatchObject({ terminated: 0 });
    expect(await alive([webApp, batchApp])).toEqual([true, true]);
  });

  it.each([`' OR '1'='1`, `%`, `'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity; --`, `$1`, `\\`])(
    'takes the filter value %p as data',
    async (value) => {
      const bystander = await openIdle();
      const named = await openIdle(web.url, value);
      await whenIdle(named);

      expect(await planAndRun({ user: value })).toMatchObject({ terminated: 0 });
      expect(await planAndRun({ application_name: value })).toMatchObject({ terminated: 1, sessions: [{ pid: named.pid }] });
      expect(await isAlive(bystander)).toBe(true);
    },
  );

  it('names the missing grant to see sessions instead of finding none', async () => {
    const blind = await server.createRole('blind', { memberOf: ['pg_signal_backend'] });
    expect(await stepFailure(plan({}, blind.url))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining(`GRANT pg_read_all_stats TO ${blind.name};`),
    });
  });

  it('names the missing grant to signal, and needs none for its own sessions', async () => {
    const reader = await server.createRole('reader', { memberOf: ['pg_read_all_stats'] });
    const client = await openIdle();
    const own = await openIdle(reader.url);
    await whenIdle(own);

    expect(await stepFailure(plan({}, reader.url))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining(`GRANT pg_signal_backend TO ${reader.name};`),
    });
    const planned = await plan({ user: reader.name }, reader.url);
    expect(await run(planned, reader.url)).toMatchObject({ terminated: 1, sessions: [{ pid: own.pid }] });
    expect(await isAlive(client)).toBe(true);
  });

  it('says that the effect is unknown when the right to signal went away after the plan', async () => {
    const reader = await server.createRole('reader', { memberOf: GRANTS });
    const client = await openIdle();
    await whenIdle(client);
    const planned = await plan({}, reader.url);
    await server.query(`REVOKE pg_signal_backend FROM ${reader.name}`);

    expect(await stepFailure(run(planned, reader.url))).toMatchObject({ code: 'permission_denied', happened: 'unknown' });
    expect(await isAlive(client)).toBe(true);
  });
});
