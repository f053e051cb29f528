import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { activeQueries } from '../../src/remediations/postgres/active-queries.ts';
import { bloat } from '../../src/remediations/postgres/bloat.ts';
import { findRootBlockers } from '../../src/remediations/postgres/find-root-blockers.ts';
import { indexSizes } from '../../src/remediations/postgres/index-sizes.ts';
import { lockChains } from '../../src/remediations/postgres/lock-chains.ts';
import { ping } from '../../src/remediations/postgres/ping.ts';
import { replicationLag } from '../../src/remediations/postgres/replication-lag.ts';
import { slowQueries } from '../../src/remediations/postgres/slow-queries.ts';
import { tableSizes } from '../../src/remediations/postgres/table-sizes.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres, type TestClient } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startStandby, type TestPostgres } from '../support/servers/postgres.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const SLEEP = 'SELECT pg_sleep(60)';
const HOUR_MS = 3_600_000;
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SETTINGS = { shared_preload_libraries: 'pg_stat_statements', max_prepared_transactions: '2', autovacuum: 'off' };

interface Role {
  readonly name: string;
  readonly url: string;
}

describe('the roots of lock chains', () => {
  const wait = (pid: number, waited: number, ...blocked_by: number[]) => ({ pid, waited, blocked_by });

  it.each([
    ['nobody', [], []],
    ['a queue behind one', [wait(2, 9, 1), wait(3, 7, 1, 2), wait(4, 5, 3)], [{ pid: 1, blocking_for: 9, victims: 3 }]],
    [
      'two that keep the same ones waiting',
      [wait(3, 9, 2), wait(4, 7, 1, 3)],
      [
        { pid: 2, blocking_for: 9, victims: 2 },
        { pid: 1, blocking_for: 7, victims: 1 },
      ],
    ],
    ['an old wait behind a young one', [wait(2, 1, 1), wait(3, 900, 2)], [{ pid: 1, blocking_for: 1, victims: 2 }]],
    ['one that is named twice', [wait(2, 5, 1, 1)], [{ pid: 1, blocking_for: 5, victims: 1 }]],
    ['a deadlock', [wait(1, 5, 2), wait(2, 5, 1)], []],
    ['a deadlock that others wait behind', [wait(1, 5, 2), wait(2, 5, 1), wait(3, 5, 1)], []],
  ])('are found with %s', (_case, waits, roots) => {
    expect(findRootBlockers(waits)).toEqual(roots);
  });
});

describeWith('postgres', 'the diagnostics of PostgreSQL', () => {
  let server: GuardedPostgres;
  let reader: Role;
  let plain: Role;
  let web: Role;

  beforeAll(async () => {
    server = await startGuardedPostgres(SETTINGS);
    reader = await server.createRole('reader', { memberOf: ['pg_read_all_stats'] });
    plain = await server.createRole('plain');
    web = await server.createRole('web');
    await server.query('CREATE TABLE orders (id int); GRANT ALL ON orders TO PUBLIC');
  });
  afterEach(() => server.closeClients());
  afterAll(() => server.stop());

  const read = async (
    remediation: AnyRemediation,
    params: Record<string, Json> = {},
    url = reader.url,
    overrides: Partial<StepContext> = {},
  ): Promise<JsonObject> => {
    const context = createStepContext(postgresConnection(url), overrides);
    const planned = await remediation.plan(params, context);
    expect(planned).toMatchObject({ touches: [], identity: { connection: 'main' } });
    return await remediation.run(planned, context);
  };
  const openAndRun = async (sql: string, url = web.url): Promise<TestClient> => {
    const opened = await server.openClient(url);
    await opened.client.query(sql);
    return opened;
  };
  const openAndStart = async (sql: string, url = web.url, applicationName = 'app') => {
    const opened = await server.openClient(url, applicationName);
    return { ...opened, end: opened.client.query(sql).catch(() => undefined) };
  };
  const whenActive = ({ pid }: TestClient): Promise<void> =>
    server.waitFor(`SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active'`);
  const whenWaiting = ({ pid }: TestClient): Promise<void> =>
    server.waitFor(`SELECT FROM pg_locks WHERE pid = ${pid} AND NOT granted AND waitstart IS NOT NULL`);
  const stop = async (...clients: { readonly pid: number; readonly end: Promise<unknown> }[]): Promise<void> => {
    for (const { pid, end } of clients) {
      await server.query(`SELECT pg_terminate_backend(${pid})`);
      await end;
    }
  };
  const inDatabase = (url: string, database: string): string => url.replace(/\/postgres$/, `/${database}`);

  it.each(
    [activeQueries, lockChains, slowQueries, replicationLag].map((remediation) => [remediation.name, remediation] as const),
  )('%s names the missing grant instead of showing nothing', async (_name, remediation) => {
    expect(
      await stepFailure(read(remediation, { limit: 5, order: 'total', waiting_for: 0, running_for: 0 }, plain.url)),
    ).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining(`GRANT pg_read_all_stats TO ${plain.name};`),
    });
  });

  describe('active_queries', () => {
    it('lists the longest running first, counts what it does not list, and leaves itself out', async () => {
      const first = await openAndStart(SLEEP);
      await whenActive(first);
      const second = await openAndStart(`${SLEEP} /* ${'x'.repeat(2_000)} */`, server.url, 'remedyd');
      await whenActive(second);
      await openAndRun('BEGIN');

      const all = await read(activeQueries, { running_for: 0, limit: 20 });
      expect(all).toEqual({
        count: 2,
        longest: expect.any(Number),
        queries: [
          {
            pid: first.pid,
            user: web.name,
            database: 'postgres',
            application_name: 'app',
            client_address: '127.0.0.1',
            started_at: expect.stringMatching(ISO_8601),
            running_for: all['longest'],
            wait_event_type: 'Timeout',
            wait_event: 'PgSleep',
            query: SLEEP,
          },
          expect.objectContaining({ pid: second.pid, query: expect.stringMatching(/^SELECT pg_sleep\(60\) \/\* x+$/) }),
        ],
      });
      expect(await read(activeQueries, { running_for: 0, limit: 1 })).toMatchObject({ count: 2, queries: [{ pid: first.pid }] });
      expect(await read(activeQueries, { running_for: 0, limit: 20, user: web.name, database: 'postgres' })).toMatchObject({
        count: 1,
      });
      expect(await read(activeQueries, { running_for: 0, limit: 20, user: `' OR '1'='1` })).toMatchObject({ count: 0 });
      expect(await read(activeQueries, { running_for: HOUR_MS, limit: 20 })).toEqual({ count: 0, longest: 0, queries: [] });
      await stop(first, second);
    });
  });

  describe('lock_chains', () => {
    it('shows the root, those behind it and what they wait for', async () => {
      const root = await openAndRun('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
      const locker = await openAndStart('BEGIN; LOCK TABLE orders');
      await whenWaiting(locker);
      const last = await openAndStart('SELECT FROM orders', server.url);
      await whenWaiting(last);

      const found = await read(lockChains, { waiting_for: 0, limit: 20 });
      expect(found).toEqual({
        waiting: 2,
        longest_wait: expect.any(Number),
        blockers: [
          {
            pid: root.pid,
            user: web.name,
            database: 'postgres',
            application_name: 'app',
            client_address: '127.0.0.1',
            backend_type: 'client backend',
            state: 'idle in transaction',
            transaction_started_at: expect.stringMatching(ISO_8601),
            query: 'BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE',
            blocking_for: found['longest_wait'],
            victims: 2,
          },
        ],
        victims: [
          {
            pid: locker.pid,
            user: web.name,
            database: 'postgres',
            application_name: 'app',
            client_address: '127.0.0.1',
            query: 'BEGIN; LOCK TABLE orders',
            waited: found['longest_wait'],
            blocked_by: [root.pid],
            lock: 'relation',
            mode: 'AccessExclusiveLock',
            relation: 'public.orders',
          },
          expect.objectContaining({ pid: last.pid, blocked_by: [locker.pid], mode: 'AccessShareLock' }),
        ],
      });
      expect(await read(lockChains, { waiting_for: 0, limit: 1 })).toMatchObject({ waiting: 2, victims: [{ pid: locker.pid }] });
      expect(await read(lockChains, { waiting_for: HOUR_MS, limit: 20 })).toEqual({
        waiting: 0,
        longest_wait: 0,
        blockers: [],
        victims: [],
      });
      await stop(locker, last);
    });

    it('shows a prepared transaction as what it is', async () => {
      await server.query(`BEGIN; LOCK TABLE orders; PREPARE TRANSACTION 'forgotten'`);
      const victim = await openAndStart('SELECT FROM orders');
      await whenWaiting(victim);
      expect(await read(lockChains, { waiting_for: 0, limit: 20 })).toMatchObject({
        waiting: 1,
        blockers: [{ pid: 0, state: 'prepared transaction', victims: 1 }],
        victims: [{ pid: victim.pid, blocked_by: [0] }],
      });
      await server.query(`ROLLBACK PREPARED 'forgotten'`);
      await victim.end;
    });
  });

  describe('slow_queries', () => {
    const list = async (params: Record<string, Json> = {}, url = reader.url) =>
      await read(slowQueries, { limit: 10, order: 'total', ...params }, url);

    it('lists what took most time in total or each time, of everybody', async () => {
      await server.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()');
      const { client } = await server.openClient(web.url);
      await client.query('SELECT pg_sleep($1)', [0.1]);
      for (let call = 0; call < 12; call += 1) await client.query(`SELECT 'now', pg_sleep(0.02)`);

      const often = { user: web.name, database: 'postgres', calls: 12, rows: 12, query: 'SELECT $1, pg_sleep($2)' };
      const long = { user: web.name, calls: 1, rows: 1, query: 'SELECT pg_sleep($1)' };
      expect(await list({ limit: 2 })).toMatchObject({ queries: [often, long] });
      expect(await list({ limit: 1, order: 'mean' })).toEqual({
        queries: [
          {
            ...long,
            database: 'postgres',
            total: expect.any(Number),
            mean: expect.any(Number),
            max: expect.any(Number),
            share: expect.any(Number),
          },
        ],
      });
      expect(await list({ database: 'other' })).toEqual({ queries: [] });
      expect(JSON.stringify(await list({ limit: 1 }))).toMatch(/"share":0\.\d+/);
    });

    it('says how to make the extension where a database has none', async () => {
      await server.query('CREATE DATABASE bare TEMPLATE template0');
      expect(await stepFailure(list({}, inDatabase(reader.url, 'bare')))).toMatchObject({
        code: 'not_found',
        happened: 'nothing',
        message: expect.stringMatching(/CREATE EXTENSION pg_stat_statements;.*shared_preload_libraries/),
      });
    });

    it('says how to bring an old extension up to date', async () => {
      await server.query('CREATE DATABASE aged TEMPLATE template0');
      await openAndRun(`CREATE EXTENSION pg_stat_statements VERSION '1.7'`, inDatabase(server.url, 'aged'));
      expect(await stepFailure(list({}, inDatabase(reader.url, 'aged')))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringContaining('ALTER EXTENSION pg_stat_statements UPDATE;'),
      });
    });
  });

  describe('table_sizes and index_sizes', () => {
    beforeAll(async () => {
      await server.query(`
        CREATE SCHEMA shop;
        CREATE TABLE shop.large (id int PRIMARY KEY, note text, twin int);
        INSERT INTO shop.large SELECT n, repeat('x', 100), n / 2 FROM generate_series(1, 5000) AS n;
        CREATE TABLE shop.small (id int);
        CREATE INDEX used ON shop.large (twin);
        CREATE INDEX unused ON shop.large (note, id);
        ANALYZE shop.large`);
      await server.query('CREATE UNIQUE INDEX CONCURRENTLY failed ON shop.large (twin)').catch(() => undefined);
      await openAndRun('SET enable_seqscan = off; SELECT FROM shop.large WHERE twin = 7', server.url);
      await server.closeClients();
      await server.waitFor(`SELECT FROM pg_stat_all_indexes WHERE indexrelname = 'used' AND idx_scan > 0`);
    });

    it('measures tables, the largest first, without a right on any of them', async () => {
      const sizes = await read(tableSizes, { limit: 20, schema: 'shop' }, plain.url);
      expect(sizes).toMatchObject({
        database_bytes: expect.any(Number),
        count: 2,
        tables: [
          { schema: 'shop', table: 'large', rows: 5_000 },
          { schema: 'shop', table: 'small', total_bytes: 0, table_bytes: 0, index_bytes: 0, rows: -1 },
        ],
      });
      const [large] = await server.query(
        `SELECT pg_total_relation_size('shop.large')::int AS total_bytes, pg_table_size('shop.large')::int AS table_bytes, pg_indexes_size('shop.large')::int AS index_bytes`,
      );
      expect(sizes['tables']).toMatchObject([large, {}]);
      expect(await read(tableSizes, { limit: 1 }, plain.url)).toMatchObject({
        count: expect.any(Number),
        tables: [{ table: 'large' }],
      });
    });

    it('measures indexes, and calls those unused that nothing uses or needs', async () => {
      const sizes = await read(indexSizes, { limit: 20, schema: 'shop' }, plain.url);
      expect(sizes).toMatchObject({ count: 4, unused: 1, invalid: 1 });
      const unused = {
        schema: 'shop',
        table: 'large',
        index: 'unused',
        bytes: sizes['unused_bytes'],
        scans: 0,
        constraint: false,
        valid: true,
        unused: true,
      };
      expect(sizes['indexes']).toEqual(
        expect.arrayContaining([
          unused,
          expect.objectContaining({ index: 'used', constraint: false, valid: true, unused: false }),
          expect.objectContaining({ index: 'large_pkey', constraint: true, unused: false }),
          expect.objectContaining({ index: 'failed', valid: false, unused: false }),
        ]),
      );
      expect(await read(indexSizes, { limit: 1, schema: 'shop' }, plain.url)).toMatchObject({
        count: 4,
        bytes: sizes['bytes'],
        indexes: [{ index: 'unused' }],
      });
      expect(await read(indexSizes, { limit: 20, schema: 'pg_catalog' }, plain.url)).toEqual({
        count: 0,
        bytes: 0,
        unused: 0,
        unused_bytes: 0,
        invalid: 0,
        indexes: [],
      });
    });

    it.each([tableSizes, indexSizes, bloat].map((remediation) => [remediation.name, remediation] as const))(
      '%s knows a schema that is not there from an empty one',
      async (_name, remediation) => {
        const params = { limit: 20, schema: 'Shop', min_bytes: 0, measure_up_to: 0 };
        expect(await stepFailure(read(remediation, params, plain.url))).toMatchObject({
          code: 'not_found',
          message: expect.stringContaining('no schema "Shop"'),
        });
      },
    );

    it('stops when its time is up or it is cancelled while it waits for a lock', async () => {
      await openAndRun('BEGIN; LOCK TABLE shop.large', server.url);
      const params = { limit: 20, schema: 'shop' };
      expect(await stepFailure(read(tableSizes, params, plain.url, { timeoutMs: 300 }))).toMatchObject({
        code: 'timeout',
        happened: 'nothing',
      });
      const controller = new AbortController();
      const failure = stepFailure(read(tableSizes, params, plain.url, { signal: controller.signal }));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${plain.name}' AND wait_event_type = 'Lock'`);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      await server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '${plain.name}')`);
    });
  });

  describe('bloat', () => {
    const params = { limit: 20, schema: 'bloated', min_bytes: 1, measure_up_to: 2 ** 30 };

    beforeEach(async () => {
      await server.query(`
        CREATE SCHEMA bloated;
        CREATE TABLE bloated.worse (id int, note text);
        CREATE TABLE bloated.better (id int);
        CREATE TABLE bloated.empty (id int);
        INSERT INTO bloated.worse SELECT n, repeat('x', 100) FROM generate_series(1, 1000) AS n;
        INSERT INTO bloated.better SELECT n FROM generate_series(1, 1000) AS n`);
      await server.query('DELETE FROM bloated.worse WHERE id <= 400');
      await server.query('DELETE FROM bloated.better WHERE id <= 100');
      await server.waitFor(
        `SELECT FROM pg_stat_all_tables WHERE schemaname = 'bloated' HAVING sum(n_dead_tup) = 500 AND sum(n_live_tup) = 1500`,
      );
    });

    afterEach(() => server.query('DROP SCHEMA bloated CASCADE; DROP EXTENSION IF EXISTS pgstattuple'));

    it('estimates from the statistics without any right, and says so', async () => {
      expect(await read(bloat, params, plain.url)).toEqual({
        method: 'estimate',
        worst_ratio: 0.4,
        dead_tuples: 500,
        tables: [
          {
            schema: 'bloated',
            table: 'worse',
            bytes: expect.any(Number),
            live_tuples: 600,
            dead_tuples: 400,
            dead_ratio: 0.4,
            wasted_bytes: null,
            vacuumed_at: null,
            exact: false,
          },
          expect.objectContaining({ table: 'better', dead_ratio: 0.1 }),
        ],
      });
      expect(await read(bloat, { ...params, limit: 1 }, plain.url)).toMatchObject({ dead_tuples: 400, tables: [{}] });
      expect(await read(bloat, { ...params, min_bytes: 2 ** 30 }, plain.url)).toEqual({
        method: 'estimate',
        worst_ratio: 0,
        dead_tuples: 0,
        tables: [],
      });
    });

    it('measures with pgstattuple where the role may, and only up to the given size', async () => {
      const scanner = await server.createRole('scanner', { memberOf: ['pg_stat_scan_tables'] });
      await server.query('CREATE EXTENSION pgstattuple SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC');
      await server.query('VACUUM bloated.better');
      // The statistics are wrong on purpose: what is measured does not come from them.
      await server.query(`SELECT pg_stat_reset_single_table_counters('bloated.worse'::regclass)`);

      expect(await read(bloat, params, scanner.url)).toMatchObject({
        method: 'pgstattuple',
        worst_ratio: 0.4,
        dead_tuples: 400,
        tables: expect.arrayContaining([
          expect.objectContaining({ table: 'worse', live_tuples: 600, dead_tuples: 400, dead_ratio: 0.4, exact: true }),
          expect.objectContaining({ table: 'better', dead_tuples: 0, vacuumed_at: expect.stringMatching(ISO_8601), exact: true }),
        ]),
      });
      expect(await read(bloat, params, plain.url)).toMatchObject({ method: 'estimate', dead_tuples: 0 });
      expect(await read(bloat, { ...params, measure_up_to: 0 }, scanner.url)).toMatchObject({ method: 'estimate' });
      expect(await read(bloat, { ...params, measure_up_to: 70_000 }, scanner.url)).toMatchObject({ method: 'mixed' });
    });
  });

  describe('replication_lag', () => {
    let standby: TestPostgres | undefined;
    afterAll(() => standby?.stop());

    it('measures standbys from both sides, and slots that keep what nobody fetches', async () => {
      expect(await read(replicationLag)).toEqual({
        role: 'primary',
        connected: 0,
        lag: 0,
        lag_bytes: 0,
        replicas: [],
        replication_slots: [],
      });
      await server.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
      await server.query(`SELECT pg_create_physical_replication_slot('left_behind', true)`);
      standby = await startStandby(server, {
        max_connections: '40',
        max_prepared_transactions: '2',
        wal_receiver_status_interval: '1',
      });
      const { query, port } = standby;
      const onStandbyUrl = withPort(reader.url, port);
      const onStandby = (): Promise<JsonObject> => read(replicationLag, {}, onStandbyUrl);
      const waitOnStandby = async (condition: string): Promise<void> => {
        while ((await query(`SELECT WHERE ${condition}`)).length === 0);
      };
      const streams = `EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')`;
      await waitOnStandby(`${streams} AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()`);
      expect(await onStandby()).toMatchObject({ role: 'standby', connected: 1, lag: 0, lag_bytes: 0, replicas: [] });
      expect(await read(ping, {}, onStandbyUrl)).toMatchObject({ ready: true, in_recovery: true, starting: false });

      await query('SELECT pg_wal_replay_pause()');
      await server.query('INSERT INTO orders VALUES (1)');
      await waitOnStandby('pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()');
      const behind = await onStandby();
      expect(behind).toMatchObject({ role: 'standby', connected: 1 });
      expect(behind['lag']).toBeGreaterThan(0);
      expect(behind['lag_bytes']).toBeGreaterThan(0);
      const seen = await read(replicationLag);
      expect(seen).toMatchObject({
        role: 'primary',
        connected: 1,
        replicas: [
          { name: 'walreceiver', user: 'postgres', client_address: '127.0.0.1', state: 'streaming', sync_state: 'async' },
        ],
        replication_slots: [{ name: 'left_behind', type: 'physical', active: false, wal_status: 'reserved' }],
      });
      expect(seen['lag_bytes']).toBeGreaterThan(0);
      expect(JSON.stringify(seen['replication_slots'])).toMatch(/"retained_bytes":[1-9]/);

      await query('SELECT pg_wal_replay_resume()');
      await waitOnStandby('pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()');
      await query(`ALTER SYSTEM SET primary_conninfo = ''`);
      await query('SELECT pg_reload_conf()');
      await waitOnStandby(`NOT ${streams}`);
      const cut = await onStandby();
      expect(cut).toMatchObject({ role: 'standby', connected: 0, lag_bytes: 0 });
      expect(cut['lag']).toBeGreaterThan(0);
      await server.query(`SELECT pg_drop_replication_slot('left_behind')`);

      // The extension came with the copy, the library did not.
      expect(await stepFailure(read(slowQueries, { limit: 10, order: 'total' }, onStandbyUrl))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringMatching(/shared_preload_libraries.*restart/),
      });
    });

    it('goes with a ping that knows a server that takes no connections from one that is down', async () => {
      await standby?.stop();
      standby = await startStandby(server, { max_connections: '40', max_prepared_transactions: '2', hot_standby: 'off' });
      expect(await read(ping, {}, standby.url)).toMatchObject({ ready: false, starting: true, reason: 'unavailable' });
      await standby.stop();
      expect(await read(ping, {}, standby.url)).toMatchObject({ ready: false, starting: false, reason: 'unavailable' });
    });
  });
});

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
