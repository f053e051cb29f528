import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { AnyRemediation, Plan } from '../../src/domain/remediation.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { cancelQueries } from '../../src/remediations/postgres/cancel-queries.ts';
import { terminateBlockers } from '../../src/remediations/postgres/terminate-blockers.ts';
import { terminateIdleInTransaction } from '../../src/remediations/postgres/terminate-idle-in-transaction.ts';
import { terminateQueries } from '../../src/remediations/postgres/terminate-queries.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres, type TestClient } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const FOR_MS = 30;
const GRANTS = ['pg_read_all_stats', 'pg_signal_backend'];
const SLEEP = 'SELECT pg_sleep(60)';
const THRESHOLDS = new Map([
  [terminateIdleInTransaction, 'idle_for'],
  [cancelQueries, 'running_for'],
  [terminateQueries, 'running_for'],
  [terminateBlockers, 'waiting_for'],
]);

interface Role {
  readonly name: string;
  readonly url: string;
}

describeWith('postgres', 'the remediations that end sessions', () => {
  let server: GuardedPostgres;
  let remedyd: Role;
  let web: Role;
  let superuser: Role;

  beforeAll(async () => {
    server = await startGuardedPostgres();
    remedyd = await server.createRole('remedyd', { memberOf: GRANTS });
    web = await server.createRole('web');
    superuser = await server.createRole('dba', { superuser: true });
    await server.query('CREATE TABLE orders (id int); GRANT ALL ON orders TO PUBLIC');
  });
  afterEach(() => server.closeClients());
  afterAll(() => server.stop());

  const plan = (remediation: AnyRemediation, params: Record<string, Json> = {}, url = remedyd.url): Promise<Plan> =>
    remediation.plan(
      { [THRESHOLDS.get(remediation) ?? '']: FOR_MS, limit: 5, ...params },
      createStepContext(postgresConnection(url)),
    );
  const run = (remediation: AnyRemediation, planned: Plan, url = remedyd.url): Promise<JsonObject> =>
    remediation.run(planned, createStepContext(postgresConnection(url)));
  const planAndRun = async (remediation: AnyRemediation, params: Record<string, Json> = {}): Promise<JsonObject> =>
    run(remediation, await plan(remediation, params));

  const open = (url = web.url, applicationName = 'app'): Promise<TestClient> => server.openClient(url, applicationName);
  const openAndRun = async (sql: string, url?: string, applicationName?: string): Promise<TestClient> => {
    const opened = await open(url, applicationName);
    await opened.client.query(sql);
    return opened;
  };
  /** Sends a statement that does not end by itself; resolves to how it ended. */
  const start = async ({ client }: TestClient, sql: string): Promise<string> => {
    try {
      await client.query(sql);
      return 'done';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'connection lost';
    }
  };
  const openAndStart = async (sql: string, url?: string, applicationName?: string) => {
    const opened = await open(url, applicationName);
    return { ...opened, end: start(opened, sql) };
  };
  const when = (client: TestClient, state: string, since: 'state_change' | 'query_start' = 'state_change'): Promise<void> =>
    server.waitFor(
      `SELECT FROM pg_stat_activity WHERE pid = ${client.pid} AND state LIKE '${state}' AND ${since} < clock_timestamp() - interval '${2 * FOR_MS} ms'`,
    );
  const whenWaiting = (client: TestClient): Promise<void> =>
    server.waitFor(
      `SELECT FROM pg_locks WHERE pid = ${client.pid} AND NOT granted AND waitstart < clock_timestamp() - interval '${2 * FOR_MS} ms'`,
    );
  const isAlive = async ({ pid }: TestClient): Promise<boolean> =>
    (await server.query(`SELECT FROM pg_stat_activity WHERE pid = ${pid}`)).length === 1;
  const whenGone = ({ pid }: TestClient): Promise<void> =>
    server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${pid})`);
  const stop = async (...clients: { readonly pid: number; readonly end: Promise<string> }[]): Promise<void> => {
    for (const { pid, end } of clients) {
      await server.query(`SELECT pg_terminate_backend(${pid})`);
      await end;
    }
  };

  describe('terminate_idle_in_transaction', () => {
    it('ends the longest idle ones first, after an error in their transaction too, and no more than the limit', async () => {
      const first = await openAndRun('BEGIN; INSERT INTO orders VALUES (1)');
      const failed = await openAndRun('BEGIN');
      await start(failed, 'SELECT 1 / 0');
      await when(failed, 'idle in transaction (aborted)');
      const third = await openAndRun('BEGIN');
      await when(third, 'idle in transaction');

      const planned = await plan(terminateIdleInTransaction, { limit: 2 });
      expect(planned).toMatchObject({
        summary: 'terminate 2 of 3 sessions idle in transaction of PostgreSQL "main" (idle for > 30ms), oldest first',
        identity: { connection: 'main', limit: 2, idle_for_ms: FOR_MS, user: null, database: null, application_name: null },
        touches: ['postgres:main'],
        count: 2,
      });
      expect(await run(terminateIdleInTransaction, planned)).toEqual({
        terminated: 2,
        skipped: 0,
        remaining: 1,
        sessions: [
          {
            pid: first.pid,
            user: web.name,
            database: 'postgres',
            application_name: 'app',
            client_address: '127.0.0.1',
            idle_since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z$/),
            query: 'BEGIN; INSERT INTO orders VALUES (1)',
          },
          expect.objectContaining({ pid: failed.pid, query: 'SELECT 1 / 0' }),
        ],
      });
      await whenGone(first);
      expect(await server.query('SELECT FROM orders')).toEqual([]);
      expect(await isAlive(third)).toBe(true);
    });

    it('spares idle and busy sessions, superusers and remedyd itself', async () => {
      const idle = await open();
      const busy = await openAndStart(`BEGIN; ${SLEEP}`);
      const dba = await openAndRun('BEGIN', superuser.url);
      const own = await openAndRun('BEGIN', remedyd.url, 'remedyd');
      await when(own, 'idle in transaction');
      await when(busy, 'active');

      expect(await planAndRun(terminateIdleInTransaction)).toMatchObject({ terminated: 0, remaining: 0, sessions: [] });
      expect(await Promise.all([idle, busy, dba, own].map(isAlive))).toEqual([true, true, true, true]);
      await stop(busy);
    });

    it('skips a session that went on between plan and run, and filters by exact names', async () => {
      const awake = await openAndRun('BEGIN');
      const job = await openAndRun('BEGIN', web.url, 'job');
      await when(job, 'idle in transaction');
      expect(await plan(terminateIdleInTransaction, { user: 'nobody' })).toMatchObject({ count: 0 });
      expect(await plan(terminateIdleInTransaction, { database: `' OR '1'='1` })).toMatchObject({ count: 0 });
      expect(await plan(terminateIdleInTransaction, { application_name: 'job' })).toMatchObject({ count: 1 });
      const planned = await plan(terminateIdleInTransaction);
      await awake.client.query('SELECT 1');

      expect(await run(terminateIdleInTransaction, planned)).toMatchObject({
        terminated: 1,
        skipped: 1,
        sessions: [{ pid: job.pid }],
      });
      expect(await isAlive(awake)).toBe(true);
    });
  });

  describe('cancel_queries and terminate_queries', () => {
    it('cancels the longest running ones first, no more than the limit, and leaves the sessions', async () => {
      const first = await openAndStart(SLEEP);
      await when(first, 'active', 'query_start');
      const second = await openAndStart(SLEEP);
      await when(second, 'active', 'query_start');

      const planned = await plan(cancelQueries, { limit: 1 });
      expect(planned).toMatchObject({
        summary: 'cancel 1 of 2 queries of PostgreSQL "main" (running for > 30ms), oldest first',
        identity: { running_for_ms: FOR_MS, limit: 1 },
        count: 1,
      });
      expect(await run(cancelQueries, planned)).toMatchObject({
        cancelled: 1,
        skipped: 0,
        remaining: 1,
        sessions: [{ pid: first.pid, query: SLEEP, running_since: expect.stringMatching(/Z$/) }],
      });
      expect(await first.end).toBe('57014');
      expect(await Promise.all([first, second].map(isAlive))).toEqual([true, true]);
      await stop(second);
    });

    it('terminates the sessions', async () => {
      const query = await openAndStart(SLEEP);
      await when(query, 'active', 'query_start');
      expect(await planAndRun(terminateQueries)).toMatchObject({ terminated: 1, remaining: 0, sessions: [{ pid: query.pid }] });
      expect(await query.end).toBe('57P01');
      await whenGone(query);
    });

    it.each([
      ['cancel', cancelQueries, 'cancelled'],
      ['terminate', terminateQueries, 'terminated'],
    ])('does not %s the next statement of a session', async (_case, remediation, done) => {
      const query = await openAndStart(SLEEP);
      await when(query, 'active', 'query_start');
      const planned = await plan(remediation);
      await server.query(`SELECT pg_cancel_backend(${query.pid})`);
      await query.end;
      const next = start(query, SLEEP);
      await when(query, 'active', 'query_start');

      expect(await run(remediation, planned)).toMatchObject({ [done]: 0, skipped: 1, remaining: 1, sessions: [] });
      expect(await server.query(`SELECT state FROM pg_stat_activity WHERE pid = ${query.pid}`)).toEqual([{ state: 'active' }]);
      await stop({ pid: query.pid, end: next });
    });

    it.each([
      ['cancel', cancelQueries],
      ['terminate', terminateQueries],
    ])('does not %s those of superusers, of remedyd and of other names', async (_case, remediation) => {
      const dba = await openAndStart(SLEEP, superuser.url);
      const own = await openAndStart(SLEEP, remedyd.url, 'remedyd');
      const job = await openAndStart(SLEEP, web.url, 'job');
      await when(dba, 'active', 'query_start');
      await when(own, 'active', 'query_start');
      await when(job, 'active', 'query_start');

      expect(await plan(remediation)).toMatchObject({ count: 1, data: { sessions: [{ pid: job.pid }] } });
      expect(await plan(remediation, { application_name: 'jo' })).toMatchObject({ count: 0 });
      expect(await plan(remediation, { user: web.name, database: 'postgres', application_name: 'job' })).toMatchObject({
        count: 1,
      });
      await stop(dba, own, job);
    });

    it('cuts long texts to 1 KiB, between characters', async () => {
      const query = await openAndStart(`SELECT pg_sleep(60) /* ${'ä'.repeat(600)} */`);
      await when(query, 'active', 'query_start');
      const { sessions } = await planAndRun(cancelQueries);
      const text = JSON.stringify(sessions);
      expect(text).toContain('ä');
      expect(text).not.toContain('\uFFFD');
      expect(Buffer.byteLength(text)).toBeLessThan(1_300);
      expect(await query.end).toBe('57014');
    });
  });

  describe('terminate_blockers', () => {
    const lock = 'BEGIN; LOCK TABLE orders';

    it('ends the root of a chain and nobody in it', async () => {
      const root = await openAndRun('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
      const middle = await openAndStart(`${lock}; COMMIT`);
      await whenWaiting(middle);
      const last = await openAndStart('SELECT FROM orders');
      await whenWaiting(last);

      const planned = await plan(terminateBlockers);
      expect(planned).toMatchObject({
        summary: 'terminate 1 of 1 root blockers of PostgreSQL "main" (others wait for > 30ms), oldest first',
        identity: { waiting_for_ms: FOR_MS, limit: 5 },
        touches: ['postgres:main'],
        count: 1,
      });
      expect(await run(terminateBlockers, planned)).toMatchObject({
        terminated: 1,
        skipped: 0,
        remaining: 0,
        sessions: [
          { pid: root.pid, query: 'BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE', blocking_since: expect.stringMatching(/Z$/) },
        ],
      });
      expect(await middle.end).toBe('done');
      expect(await last.end).toBe('done');
    });

    it('does not take a session that got its lock between the two looks, though others have waited for long', async () => {
      const root = await openAndRun(lock);
      const next = await openAndStart(lock);
      await whenWaiting(next);
      const last = await openAndStart('SELECT FROM orders');
      await whenWaiting(last);
      const looked = Promise.withResolvers<undefined>();
      const released = Promise.withResolvers<undefined>();
      const clock = new SystemClock();
      clock.sleep = () => {
        looked.resolve(undefined);
        return released.promise;
      };
      const context = createStepContext(postgresConnection(remedyd.url), { clock });
      const planned = terminateBlockers.plan({ waiting_for: FOR_MS, limit: 5 }, context);
      await looked.promise;
      await root.client.query('COMMIT');
      await next.end;
      released.resolve(undefined);

      expect(await planned).toMatchObject({ count: 0 });
      expect(await isAlive(next)).toBe(true);
      await next.client.query('COMMIT');
      await last.end;
    });

    it('can be cancelled between the two looks', async () => {
      const root = await openAndRun('SELECT pg_advisory_lock(1)');
      const victim = await openAndStart('SELECT pg_advisory_lock(1)');
      await whenWaiting(victim);
      const controller = new AbortController();
      const clock = new SystemClock();
      clock.sleep = (ms, signal) => {
        controller.abort();
        return new SystemClock().sleep(ms, signal);
      };
      const context = createStepContext(postgresConnection(remedyd.url), { clock, signal: controller.signal });
      const failure = await stepFailure(terminateBlockers.plan({ waiting_for: FOR_MS, limit: 5 }, context));
      expect(failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      expect(await isAlive(root)).toBe(true);
      await stop(victim);
    });

    it('takes those first that others have waited for longest, and no more than the limit', async () => {
      const roots: TestClient[] = [];
      const victims = [];
      for (const key of [1, 2]) {
        const root = await openAndRun(`SELECT pg_advisory_lock(${key})`);
        const victim = await openAndStart(`SELECT pg_advisory_lock(${key})`);
        await whenWaiting(victim);
        roots.push(root);
        victims.push(victim);
      }
      const planned = await plan(terminateBlockers, { limit: 1 });
      expect(planned).toMatchObject({ count: 1, data: { sessions: [{ pid: roots[0]?.pid }] } });
      expect(await run(terminateBlockers, planned)).toMatchObject({ terminated: 1, remaining: 1 });
      expect(await victims[0]?.end).toBe('done');
      await stop(...victims.slice(1));
    });

    it('skips a session that blocks nobody any more, and one that waits itself', async () => {
      const first = await openAndRun(lock);
      const second = await openAndRun('SELECT pg_advisory_lock(1)');
      const firstVictim = await openAndStart('SELECT FROM orders');
      const secondVictim = await openAndStart('SELECT pg_advisory_lock(1)');
      const third = await openAndRun('SELECT pg_advisory_lock(2)');
      await whenWaiting(firstVictim);
      await whenWaiting(secondVictim);
      const planned = await plan(terminateBlockers);
      expect(planned).toMatchObject({ count: 2 });
      await first.client.query('COMMIT');
      await firstVictim.end;
      const waiting = start(second, 'SELECT pg_advisory_lock(2)');
      await whenWaiting(second);

      expect(await run(terminateBlockers, planned)).toMatchObject({ terminated: 0, skipped: 2, remaining: 1 });
      expect(await Promise.all([first, second].map(isAlive))).toEqual([true, true]);
      await stop(secondVictim, { pid: second.pid, end: waiting });
      expect(await isAlive(third)).toBe(true);
    });

    it('waits until somebody has waited long enough, which remedyd itself is not', async () => {
      const root = await openAndRun(lock);
      const own = await openAndStart('SELECT FROM orders', web.url, 'remedyd');
      await whenWaiting(own);
      expect(await plan(terminateBlockers)).toMatchObject({ count: 0 });
      const victim = await openAndStart('SELECT FROM orders');
      await whenWaiting(victim);
      expect(await plan(terminateBlockers, { waiting_for: 3_600_000 })).toMatchObject({ count: 0 });
      const planned = await plan(terminateBlockers);
      expect(planned).toMatchObject({ count: 1, data: { sessions: [{ pid: root.pid }] } });
      await stop(victim);
      expect(await run(terminateBlockers, planned)).toMatchObject({ terminated: 0, skipped: 1 });
      await stop(own);
    });

    it('spares superusers, remedyd itself and other names', async () => {
      const dba = await openAndRun('SELECT pg_advisory_lock(1)', superuser.url);
      const own = await openAndRun('SELECT pg_advisory_lock(2)', remedyd.url, 'remedyd');
      const job = await openAndRun('SELECT pg_advisory_lock(3)', web.url, 'job');
      const victims = [];
      for (const key of [1, 2, 3]) victims.push(await openAndStart(`SELECT pg_advisory_lock(${key})`));
      for (const victim of victims) await whenWaiting(victim);

      expect(await plan(terminateBlockers, { user: superuser.name })).toMatchObject({ count: 0 });
      expect(await plan(terminateBlockers, { application_name: 'jobs' })).toMatchObject({ count: 0 });
      expect(await planAndRun(terminateBlockers)).toMatchObject({ terminated: 1, remaining: 0, sessions: [{ pid: job.pid }] });
      expect(await Promise.all([dba, own].map(isAlive))).toEqual([true, true]);
      await stop(...victims);
    });
  });

  describe.each([...THRESHOLDS.keys()].map((remediation) => [remediation.name, remediation] as const))(
    '%s',
    (_name, remediation) => {
      /** A session that the remediation would end, and what has to be stopped behind it. */
      const openVictim = async () => {
        if (remediation === terminateIdleInTransaction) {
          const client = await openAndRun('BEGIN');
          await when(client, 'idle in transaction');
          return { client, waiting: [] };
        }
        if (remediation === terminateBlockers) {
          const client = await openAndRun('SELECT pg_advisory_lock(1)');
          const victim = await openAndStart('SELECT pg_advisory_lock(1)');
          await whenWaiting(victim);
          return { client, waiting: [victim] };
        }
        const client = await openAndStart(SLEEP);
        await when(client, 'active', 'query_start');
        return { client, waiting: [client] };
      };

      it('names the missing grant, before and after the plan', async () => {
        const blind = await server.createRole('blind', { memberOf: ['pg_signal_backend'] });
        const reader = await server.createRole('reader', { memberOf: ['pg_read_all_stats'] });
        const { client, waiting } = await openVictim();
        expect(await stepFailure(plan(remediation, {}, blind.url))).toMatchObject({
          code: 'permission_denied',
          happened: 'nothing',
          message: expect.stringContaining(`GRANT pg_read_all_stats TO ${blind.name};`),
        });
        expect(await stepFailure(plan(remediation, {}, reader.url))).toMatchObject({
          code: 'permission_denied',
          happened: 'nothing',
          message: expect.stringContaining(`GRANT pg_signal_backend TO ${reader.name};`),
        });
        const planned = await plan(remediation);
        expect(planned).toMatchObject({ count: 1, data: { sessions: [{ pid: client.pid }] } });
        expect(await stepFailure(run(remediation, planned, reader.url))).toMatchObject({ code: 'permission_denied' });
        expect(await isAlive(client)).toBe(true);
        await stop(...waiting);
      });

      it('skips a process id that was used again', async () => {
        const { client, waiting } = await openVictim();
        const planned = await plan(remediation);
        const reused: Plan = JSON.parse(
          JSON.stringify(planned).replace(/"backend_start":"[^"]*"/g, '"backend_start":"2020-01-01 00:00:00.000001+00"'),
        );
        expect(await run(remediation, reused)).toMatchObject({ skipped: 1, remaining: 1, sessions: [] });
        expect(await isAlive(client)).toBe(true);
        await stop(...waiting);
      });

      it('does nothing once it is aborted or its time is up', async () => {
        const { client, waiting } = await openVictim();
        const planned = await plan(remediation);
        for (const [code, signal] of [
          ['aborted', AbortSignal.abort()],
          ['timeout', AbortSignal.abort(new DOMException('time is up', 'TimeoutError'))],
        ] as const) {
          const context = createStepContext(postgresConnection(remedyd.url), { signal });
          expect(await stepFailure(remediation.run(planned, context))).toMatchObject({ code, happened: 'nothing' });
        }
        expect(await isAlive(client)).toBe(true);
        await stop(...waiting);
      });
    },
  );
});
