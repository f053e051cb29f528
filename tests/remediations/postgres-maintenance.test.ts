import { Client } from 'pg';
import type { PostgresConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { AnyRemediation, Plan, StepContext } from '../../src/domain/remediation.ts';
import { analyze } from '../../src/remediations/postgres/analyze.ts';
import { disableAccounts } from '../../src/remediations/postgres/disable-accounts.ts';
import { reindex } from '../../src/remediations/postgres/reindex.ts';
import { setParameter } from '../../src/remediations/postgres/set-parameter.ts';
import { setReadOnly } from '../../src/remediations/postgres/set-read-only.ts';
import { vacuum } from '../../src/remediations/postgres/vacuum.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

interface Role {
  readonly name: string;
  readonly url: string;
}
type Overrides = Omit<Partial<StepContext>, 'connection'> & {
  readonly connection?: Partial<PostgresConnection>;
  readonly url?: string;
};

const HOSTILE = 'x"; DROP TABLE orders; --';

describeWith('postgres', 'the maintenance of PostgreSQL', () => {
  let server: GuardedPostgres;
  let owner: Role;
  /** Owns the tables by membership, and nothing else. */
  let keeper: Role;
  let stranger: Role;

  beforeAll(async () => {
    server = await startGuardedPostgres();
    owner = await server.createRole('app');
    keeper = await server.createRole('remedyd', { memberOf: [owner.name] });
    stranger = await server.createRole('stranger');
  });
  beforeEach(async () => {
    await server.query(`
      CREATE SCHEMA AUTHORIZATION ${owner.name};
      CREATE TABLE ${owner.name}.orders (id int PRIMARY KEY, note text);
      CREATE INDEX orders_note ON ${owner.name}.orders (note);
      INSERT INTO ${owner.name}.orders SELECT n, 'note ' || n FROM generate_series(1, 500) AS n;
      DELETE FROM ${owner.name}.orders WHERE id > 100;
      CREATE TABLE ${owner.name}."${HOSTILE.replace('"', '""')}" (id int PRIMARY KEY);
      ALTER TABLE ${owner.name}.orders OWNER TO ${owner.name};
      ALTER TABLE ${owner.name}."${HOSTILE.replace('"', '""')}" OWNER TO ${owner.name}`);
  });
  afterEach(async () => {
    await server.closeClients();
    await server.query(`DROP SCHEMA ${owner.name} CASCADE`);
  });
  afterAll(() => server.stop());

  const contextFor = ({ connection, url = keeper.url, ...overrides }: Overrides = {}): StepContext =>
    createStepContext({ ...postgresConnection(url), ...connection }, overrides);
  const plan = (remediation: AnyRemediation, params: JsonObject, overrides?: Overrides): Promise<Plan> =>
    remediation.plan(params, contextFor(overrides));
  const run = (remediation: AnyRemediation, planned: Plan, overrides?: Overrides) =>
    remediation.run(planned, contextFor(overrides));
  const planAndRun = async (remediation: AnyRemediation, params: JsonObject, overrides?: Overrides) =>
    run(remediation, await plan(remediation, params, overrides), overrides);
  const ask = async (sql: string): Promise<unknown> => Object.values((await server.query(sql))[0] ?? {})[0];
  const nameOfTable = (table: string): string => `${owner.name}.${table}`;
  const invalidIndexes = async (): Promise<readonly unknown[]> =>
    (
      await server.query(
        `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid ORDER BY indexrelid::regclass::text`,
      )
    ).map(({ name }) => name);

  describe('vacuum and analyze', () => {
    const params = { limit: 1_000, lock_timeout: 5_000 };
    const statistics = () =>
      server.query(
        `SELECT n_dead_tup::int AS dead, vacuum_count::int AS vacuumed, analyze_count::int AS analyzed
         FROM pg_stat_user_tables WHERE schemaname = '${owner.name}' AND relname = 'orders'`,
      );

    it('vacuum one table, and analyze it with it', async () => {
      const planned = await plan(vacuum, { ...params, table: 'orders', analyze: true });
      expect(planned).toMatchObject({
        summary: `VACUUM (ANALYZE) ${nameOfTable('orders')} of PostgreSQL "main"`,
        identity: { connection: 'main', work: 'vacuum_analyze', table: 'orders', schema: null, limit: 1_000 },
        touches: ['postgres:main'],
        count: 1,
      });
      expect(await run(vacuum, planned)).toMatchObject({
        vacuumed: 1,
        remaining: 0,
        tables: [nameOfTable('orders')],
        skipped: [],
      });
      expect(await statistics()).toEqual([{ dead: 0, vacuumed: 1, analyzed: 1 }]);
    });

    it('analyze without vacuuming', async () => {
      expect(await planAndRun(analyze, { ...params, table: nameOfTable('orders') })).toMatchObject({ analyzed: 1 });
      expect(await statistics()).toMatchObject([{ vacuumed: 0, analyzed: 1 }]);
    });

    it('do all tables, the one with the most dead rows first, and no more than the limit', async () => {
      const output = await planAndRun(vacuum, { ...params, limit: 1, analyze: false });
      expect(output).toMatchObject({ vacuumed: 1, remaining: 1, tables: [nameOfTable('orders')] });
      expect(await planAndRun(vacuum, { ...params, analyze: false })).toMatchObject({ vacuumed: 2, remaining: 0 });
      expect(await statistics()).toMatchObject([{ vacuumed: 2, analyzed: 0 }]);
    });

    it('take names as they are', async () => {
      const output = await planAndRun(vacuum, { ...params, table: HOSTILE, analyze: true });
      expect(output).toMatchObject({ vacuumed: 1, tables: [nameOfTable(HOSTILE)] });
      expect(await ask(`SELECT count(*)::int FROM ${nameOfTable('orders')}`)).toBe(100);
    });

    it.each(['Orders', '"orders"', 'orders; DROP TABLE orders', "orders' OR '1'='1", '%', 'pg_class', 'pg_catalog.pg_class'])(
      'refuse what is no table of the users: %s',
      async (table) => {
        expect(await stepFailure(plan(vacuum, { ...params, table, analyze: true }))).toMatchObject({
          code: 'not_found',
          happened: 'nothing',
        });
      },
    );

    it('refuse an empty schema and a name that two tables have', async () => {
      expect(await stepFailure(plan(analyze, { ...params, schema: 'nowhere' }))).toMatchObject({ code: 'not_found' });
      await server.query('CREATE TABLE public.orders ()');
      const failure = await stepFailure(plan(analyze, { ...params, table: 'orders' }));
      await server.query('DROP TABLE public.orders');
      expect(failure).toMatchObject({ code: 'invalid_value', message: expect.stringContaining('public.orders') });
    });

    it('name the missing grant to a role that owns nothing, and suffice with the database', async () => {
      const failure = await stepFailure(plan(vacuum, { ...params, analyze: true }, { url: stranger.url }));
      expect(failure).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(`GRANT ${owner.name} TO ${stranger.name};`),
      });
      const database = `kept_by_${stranger.name}`;
      await server.query(`CREATE DATABASE ${database} OWNER ${stranger.name}`);
      const admin = await server.openClient(withDatabase(server.url, database));
      await admin.client.query('CREATE TABLE of_postgres ()');
      const output = await planAndRun(
        vacuum,
        { ...params, table: 'of_postgres', analyze: true },
        { url: withDatabase(stranger.url, database) },
      );
      await server.closeClients();
      await server.query(`DROP DATABASE ${database}`);
      expect(output).toMatchObject({ vacuumed: 1 });
    });

    it('skip a locked table among several, and fail for a single one', async () => {
      const holder = await server.openClient(owner.url);
      await holder.client.query(`BEGIN; LOCK TABLE ${nameOfTable('orders')} IN SHARE UPDATE EXCLUSIVE MODE`);
      const impatient = { ...params, lock_timeout: 50, analyze: false };
      expect(await planAndRun(vacuum, impatient)).toMatchObject({
        vacuumed: 1,
        skipped: [{ table: nameOfTable('orders'), reason: 'locked' }],
      });
      const planned = await plan(vacuum, { ...impatient, table: 'orders' });
      expect(await stepFailure(run(vacuum, planned))).toMatchObject({ code: 'timeout', happened: 'unknown' });
    });

    it('skip a table that has become another one since the plan', async () => {
      const planned = await plan(analyze, { ...params, table: 'orders' });
      await server.query(`ALTER TABLE ${nameOfTable('orders')} RENAME TO old; CREATE TABLE ${nameOfTable('orders')} ()`);
      expect(await run(analyze, planned)).toMatchObject({
        analyzed: 0,
        skipped: [{ table: nameOfTable('orders'), reason: 'gone' }],
      });
    });

    it('stop in the server on abort', async () => {
      const holder = await server.openClient(owner.url);
      await holder.client.query(`BEGIN; LOCK TABLE ${nameOfTable('orders')} IN SHARE UPDATE EXCLUSIVE MODE`);
      const controller = new AbortController();
      const planned = await plan(vacuum, { ...params, table: 'orders', analyze: true });
      const failure = stepFailure(run(vacuum, planned, { signal: controller.signal }));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${keeper.name}' AND wait_event_type = 'Lock'`);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'unknown' });
      await server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '${keeper.name}')`);
    });
  });

  describe('reindex', () => {
    const params = { concurrently: true, limit: 1_000 };
    const filenode = () => ask(`SELECT pg_relation_filenode('${nameOfTable('orders_note')}')`);

    it.each([true, false])(
      'rebuilds one index (concurrently: %s), and leaves it out when it is repeated',
      async (concurrently) => {
        const before = await filenode();
        const planned = await plan(reindex, { ...params, index: 'orders_note', concurrently });
        expect(planned).toMatchObject({
          summary: expect.stringContaining(`rebuild index ${nameOfTable('orders_note')} of PostgreSQL "main"`),
          identity: { connection: 'main', index: 'orders_note', table: null, schema: null, concurrently, limit: 1_000 },
          count: 1,
        });
        expect(await run(reindex, planned)).toMatchObject({ reindexed: 1, indexes: [nameOfTable('orders_note')], dropped: [] });
        const after = await filenode();
        expect(after).not.toBe(before);
        expect(await run(reindex, planned)).toMatchObject({
          reindexed: 0,
          skipped: [{ index: nameOfTable('orders_note'), reason: 'changed' }],
        });
        expect(await filenode()).toBe(after);
      },
    );

    it('rebuilds the indexes of a table, of the partitions of one, or all', async () => {
      await server.query(`
        SET ROLE ${owner.name};
        CREATE TABLE ${nameOfTable('events')} (day int PRIMARY KEY) PARTITION BY LIST (day);
        CREATE TABLE ${nameOfTable('events_1')} PARTITION OF ${nameOfTable('events')} FOR VALUES IN (1);
        CREATE TABLE ${nameOfTable('events_2')} PARTITION OF ${nameOfTable('events')} FOR VALUES IN (2)`);
      expect(await planAndRun(reindex, { ...params, table: 'orders' })).toMatchObject({ reindexed: 2, remaining: 0 });
      expect(await planAndRun(reindex, { ...params, table: 'events' })).toMatchObject({
        indexes: [nameOfTable('events_1_pkey'), nameOfTable('events_2_pkey')],
      });
      expect(await planAndRun(reindex, params)).toMatchObject({ reindexed: 5, skipped: [] });
      expect(await planAndRun(reindex, { ...params, limit: 2 })).toMatchObject({ reindexed: 2, remaining: 3 });
    });

    it('leaves out indexes of exclusion constraints, or says why', async () => {
      await server.query(
        `SET ROLE ${owner.name}; CREATE TABLE ${nameOfTable('rooms')} (slot int4range, CONSTRAINT booked EXCLUDE USING gist (slot WITH &&))`,
      );
      expect(await planAndRun(reindex, { ...params, table: 'rooms' })).toMatchObject({
        reindexed: 0,
        skipped: [{ index: nameOfTable('booked'), reason: 'exclusion_constraint' }],
      });
      expect(await stepFailure(plan(reindex, { ...params, index: 'booked' }))).toMatchObject({ code: 'invalid_value' });
      expect(await planAndRun(reindex, { ...params, index: 'booked', concurrently: false })).toMatchObject({ reindexed: 1 });
    });

    it.each([
      { index: 'Orders_note' },
      { index: 'pg_class_oid_index' },
      { table: 'nowhere' },
      { table: HOSTILE, schema: 'public' },
    ])('refuses what is not there: %j', async (given) => {
      expect(await stepFailure(plan(reindex, { ...params, ...given }))).toMatchObject({ code: 'not_found', happened: 'nothing' });
    });

    it('refuses a table and an index at once', async () => {
      expect(await stepFailure(plan(reindex, { ...params, table: 'orders', index: 'orders_note' }))).toMatchObject({
        code: 'invalid_value',
      });
    });

    it('names the missing grant', async () => {
      expect(await stepFailure(plan(reindex, params, { url: stranger.url }))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(`GRANT ${owner.name} TO ${stranger.name};`),
      });
    });

    it('drops its unfinished index when it is aborted, and no other', async () => {
      await breakIndex('orders_id_ccnew');
      const old = await server.openClient(owner.url);
      // A transaction that has an older view of the data keeps the rebuild waiting at its end, with the new index built.
      await old.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
      const controller = new AbortController();
      const planned = await plan(reindex, { ...params, index: 'orders_note' });
      const failure = stepFailure(run(reindex, planned, { signal: controller.signal }));
      await whenWaiting();
      controller.abort();
      expect(await failure).toMatchObject({
        code: 'aborted',
        happened: 'unknown',
        message: expect.stringContaining(`its unfinished copy ${nameOfTable('orders_note_ccnew')} was dropped`),
      });
      expect(await invalidIndexes()).toEqual([nameOfTable('orders_id_ccnew')]);
    });

    it('says what it could not drop, and drops it when it is repeated', async () => {
      const writer = await server.openClient(owner.url);
      await writer.client.query(`BEGIN; UPDATE ${nameOfTable('orders')} SET note = 'x' WHERE id = 1`);
      const planned = await plan(reindex, { ...params, index: 'orders_note', lock_timeout: 50 });
      const failure = await stepFailure(run(reindex, planned));
      expect(failure).toMatchObject({
        code: 'timeout',
        happened: 'unknown',
        message: expect.stringContaining(`look for an invalid index ${nameOfTable('orders_note')}_ccnew`),
      });
      expect(await invalidIndexes()).toEqual([nameOfTable('orders_note_ccnew')]);
      await writer.client.query('COMMIT');
      expect(await run(reindex, planned)).toMatchObject({ reindexed: 1, dropped: [nameOfTable('orders_note_ccnew')] });
      expect(await invalidIndexes()).toEqual([]);
    });

    it('reports the invalid indexes of before', async () => {
      await breakIndex('orders_id_ccnew');
      expect(await planAndRun(reindex, { ...params, table: 'orders' })).toMatchObject({
        reindexed: 2,
        dropped: [],
        invalid: [nameOfTable('orders_id_ccnew')],
      });
      expect(await stepFailure(plan(reindex, { ...params, index: 'orders_id_ccnew' }))).toMatchObject({ code: 'invalid_value' });
    });

    const whenWaiting = (): Promise<void> =>
      server.waitFor(
        `SELECT FROM pg_stat_activity WHERE usename = '${keeper.name}' AND wait_event_type = 'Lock' AND query LIKE 'REINDEX%'`,
      );
    const breakIndex = (name: string) =>
      server.query(`
        CREATE INDEX ${name} ON ${nameOfTable('orders')} (id);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${nameOfTable(name)}'::regclass`);
  });

  describe('set_parameter', () => {
    const allowed = {
      connection: { allowParameters: ['work_mem', 'statement_timeout', 'max_wal_senders', 'max_connections', 'nonsense'] },
    };
    let setter: Role;

    beforeAll(async () => {
      setter = await server.createRole('setter');
      await server.query(`
        GRANT ALTER SYSTEM ON PARAMETER work_mem, statement_timeout, max_wal_senders, max_connections TO ${setter.name};
        GRANT EXECUTE ON FUNCTION pg_reload_conf(), pg_show_all_file_settings() TO ${setter.name};
        GRANT SELECT ON pg_file_settings TO ${setter.name}`);
    });
    afterEach(async () => {
      await server.query('ALTER SYSTEM RESET ALL');
      await server.query('SELECT pg_reload_conf()');
      await server.waitFor(`SELECT FROM pg_settings WHERE name = 'work_mem' AND setting = boot_val`);
    });
    const set = (name: string, value: string, overrides: Overrides = {}) =>
      planAndRun(setParameter, { name, value }, { url: setter.url, ...allowed, ...overrides });

    it('sets what a reload puts into effect, for everybody', async () => {
      const planned = await plan(setParameter, { name: 'work_mem', value: '8MB' }, { url: setter.url, ...allowed });
      expect(planned).toMatchObject({
        summary: 'set work_mem of PostgreSQL "main" to 8MB (now 4MB)',
        identity: { connection: 'main', name: 'work_mem', value: '8MB' },
        touches: ['postgres:main'],
      });
      const done = { previous: '4MB', value: '8MB', restart_required: false, in_effect: true };
      expect(await run(setParameter, planned, { url: setter.url, ...allowed })).toEqual(done);
      expect(await ask('SHOW work_mem')).toBe('8MB');
      expect(await run(setParameter, planned, { url: setter.url, ...allowed })).toEqual(done);
    });

    it('sets what our own sessions set differently', async () => {
      expect(await set('statement_timeout', '45s')).toEqual({
        previous: '0',
        value: '45s',
        restart_required: false,
        in_effect: true,
      });
      expect(await ask('SHOW statement_timeout')).toBe('45s');
    });

    it('says when a restart is needed', async () => {
      expect(await plan(setParameter, { name: 'max_wal_senders', value: '12' }, { url: setter.url, ...allowed })).toMatchObject({
        summary: 'set max_wal_senders of PostgreSQL "main" to 12 (now 10), for the next restart',
      });
      expect(await set('max_wal_senders', '12')).toEqual({
        previous: '10',
        value: '12',
        restart_required: true,
        in_effect: false,
      });
      expect(await ask('SHOW max_wal_senders')).toBe('10');
      expect(await set('max_wal_senders', '10')).toMatchObject({ restart_required: false, in_effect: true });
    });

    it('says when a setting of the role wins', async () => {
      await server.query(`ALTER ROLE ${setter.name} SET work_mem = '1MB'`);
      const output = await set('work_mem', '8MB');
      await server.query(`ALTER ROLE ${setter.name} RESET work_mem`);
      expect(output).toMatchObject({ previous: '1MB', in_effect: false, restart_required: false });
    });

    it.each([`8MB'; DROP TABLE orders; --`, 'plenty', '-5MB', "'", '\\'])('is refused by the server: %s', async (value) => {
      const planned = await plan(setParameter, { name: 'work_mem', value }, { url: setter.url, ...allowed });
      expect(await stepFailure(run(setParameter, planned, { url: setter.url, ...allowed }))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
      });
      expect(await ask('SHOW work_mem')).toBe('4MB');
    });

    it.each([
      ['shared_buffers', 'not_allowed'],
      ['WORK_MEM', 'not_allowed'],
      ['archive_command', 'not_allowed'],
      ['max_connections', 'not_allowed'],
      ['nonsense', 'not_found'],
    ])('refuses %s: %s', async (name, code) => {
      const connection = { allowParameters: [...allowed.connection.allowParameters, 'archive_command'] };
      expect(await stepFailure(set(name, '1', { connection }))).toMatchObject({ code, happened: 'nothing' });
    });

    it.each([
      ...['archive_command', 'archive_library', 'session_preload_libraries', 'dynamic_library_path', 'extension_control_path'],
      ...['jit_provider', 'plperl.on_init', 'plperl.on_plperlu_init', 'pltcl.start_proc', 'pljava.vmoptions', 'log_filename'],
      ...['log_directory', 'unix_socket_directories', 'ssl_key_file', 'primary_conninfo', 'krb_server_keyfile'],
    ])('never sets %s, which lets the server run, read or write something else', async (name) => {
      const failure = await stepFailure(set(name, 'x', { connection: { allowParameters: [name] } }));
      expect(failure).toMatchObject({ code: 'not_allowed', message: expect.stringContaining('never set') });
    });

    it('does nothing when the value has changed since the plan', async () => {
      const planned = await plan(setParameter, { name: 'work_mem', value: '8MB' }, { url: setter.url, ...allowed });
      await set('work_mem', '16MB');
      expect(await stepFailure(run(setParameter, planned, { url: setter.url, ...allowed }))).toMatchObject({
        code: 'precondition_failed',
        happened: 'nothing',
      });
    });

    it('does nothing while the configuration files have a mistake', async () => {
      await server.query(`CREATE TABLE auto (line text); COPY auto FROM PROGRAM 'echo nonsense >> postgresql.conf'`);
      const failure = await stepFailure(set('work_mem', '8MB'));
      await server.query(`COPY auto FROM PROGRAM 'sed -i /^nonsense/d postgresql.conf'; DROP TABLE auto`);
      expect(failure).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringMatching(/postgresql\.conf line \d+: syntax error/),
      });
    });

    it('names every missing grant', async () => {
      const failure = await stepFailure(set('work_mem', '8MB', { url: stranger.url }));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      for (const grant of [
        `GRANT ALTER SYSTEM ON PARAMETER work_mem TO ${stranger.name};`,
        `GRANT EXECUTE ON FUNCTION pg_reload_conf() TO ${stranger.name};`,
        `GRANT SELECT ON pg_file_settings TO ${stranger.name};`,
        `GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO ${stranger.name};`,
      ]) {
        expect(failure.message).toContain(grant);
      }
      await server.query(failure.message.slice(failure.message.indexOf('GRANT')));
      expect(await set('work_mem', '8MB', { url: stranger.url })).toMatchObject({ in_effect: true });
    });
  });

  describe('set_read_only', () => {
    let database: string;
    let landlord: Role;
    const url = (role: Role): string => withDatabase(role.url, database);
    const newSession = async (): Promise<unknown> => {
      const client = new Client({ connectionString: url(owner) });
      await client.connect();
      const { rows } = await client.query<{ default_transaction_read_only: string }>('SHOW default_transaction_read_only');
      await client.end();
      return rows[0]?.default_transaction_read_only;
    };

    beforeAll(async () => {
      landlord = await server.createRole('landlord');
      database = `shop_${landlord.name}`;
      await server.query(`CREATE DATABASE ${database} OWNER ${landlord.name}`);
    });
    afterAll(() => server.query(`DROP DATABASE ${database} WITH (FORCE)`));

    it('holds for new sessions, says how many keep what they have, and can be ended', async () => {
      await server.openClient(url(owner));
      const planned = await plan(setReadOnly, { enabled: true }, { url: url(landlord) });
      expect(planned).toMatchObject({
        summary: `set read-only mode for new sessions of database ${database} of PostgreSQL "main" (now off)`,
        identity: { connection: 'main', database, enabled: true },
        touches: ['postgres:main'],
      });
      expect(await run(setReadOnly, planned, { url: url(landlord) })).toEqual({
        enabled: true,
        previous: false,
        database,
        old_sessions: 1,
        exempt_roles: [],
      });
      expect(await newSession()).toBe('on');
      expect(await planAndRun(setReadOnly, { enabled: false }, { url: url(landlord) })).toMatchObject({
        enabled: false,
        previous: true,
      });
      expect(await newSession()).toBe('off');
    });

    it('can be ended by a role that is read-only itself', async () => {
      await server.query(`ALTER ROLE ${landlord.name} SET default_transaction_read_only = on`);
      const output = await planAndRun(setReadOnly, { enabled: false }, { url: url(landlord) });
      await server.query(`ALTER ROLE ${landlord.name} RESET default_transaction_read_only`);
      expect(output).toMatchObject({ enabled: false, exempt_roles: [landlord.name] });
    });

    it('names the missing grant', async () => {
      expect(await stepFailure(plan(setReadOnly, { enabled: true }, { url: url(keeper) }))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(`GRANT ${landlord.name} TO ${keeper.name};`),
      });
    });
  });

  describe('disable_accounts', () => {
    let locksmith: Role;
    const disableAccount = (): string => `UPDATE ${nameOfTable('users')} SET disabled = true WHERE email = $1`;
    const params = (accounts: readonly (string | null)[], limit = 10): JsonObject => ({ accounts, limit });
    const disable = (accounts: readonly (string | null)[], connection: Partial<PostgresConnection> = {}) =>
      planAndRun(disableAccounts, params(accounts), {
        url: locksmith.url,
        connection: { disableAccount: disableAccount(), ...connection },
      });
    const disabled = async () =>
      (await server.query(`SELECT email FROM ${nameOfTable('users')} WHERE disabled ORDER BY email`)).map(({ email }) => email);

    beforeAll(async () => {
      locksmith = await server.createRole('locksmith');
    });
    beforeEach(() =>
      server.query(`
        CREATE TABLE ${nameOfTable('users')} (email text, secret text, disabled bool NOT NULL DEFAULT false);
        INSERT INTO ${nameOfTable('users')} (email) VALUES ('a@example.com'), ('b@example.com'), ('twin'), ('twin'), (E'\\'; --');
        GRANT USAGE ON SCHEMA ${owner.name} TO ${locksmith.name};
        GRANT SELECT (email), UPDATE (disabled) ON ${nameOfTable('users')} TO ${locksmith.name}`),
    );

    it('disables each named account, and reports the others', async () => {
      const planned = await plan(disableAccounts, params(['b@example.com', 'nobody', 'a@example.com', 'a@example.com']), {
        url: locksmith.url,
        connection: { disableAccount: disableAccount() },
      });
      expect(planned).toMatchObject({
        summary: 'disable 3 accounts in PostgreSQL "main": "a@example.com", "b@example.com", "nobody"',
        identity: { connection: 'main', accounts: ['a@example.com', 'b@example.com', 'nobody'] },
        count: 3,
      });
      expect(await disable(['b@example.com', 'nobody', 'a@example.com'])).toEqual({
        disabled: ['a@example.com', 'b@example.com'],
        not_found: ['nobody'],
      });
      expect(await disabled()).toEqual(['a@example.com', 'b@example.com']);
    });

    it.each([`'; --`, `' OR true; --`, '%', '$1'])('takes the name %s as data', async (name) => {
      await disable([name]);
      expect(await disabled()).toEqual(name === `'; --` ? [name] : []);
    });

    it('rolls everything back when a name stands for more than one', async () => {
      expect(await stepFailure(disable(['a@example.com', 'twin']))).toMatchObject({ code: 'over_limit', happened: 'nothing' });
      expect(await disabled()).toEqual([]);
    });

    it.each<readonly [string, readonly (string | null)[]]>([
      ['missing_value', []],
      ['missing_value', ['a@example.com', '']],
      ['missing_value', [null]],
      ['invalid_value', ['a\0b']],
      ['over_limit', Array.from({ length: 11 }, (_, index) => `user${index}`)],
    ])('refuses with %s: %j', async (code, accounts) => {
      expect(await stepFailure(disable(accounts))).toMatchObject({ code, happened: 'nothing' });
    });

    it('refuses a connection without the statement', async () => {
      const failure = stepFailure(plan(disableAccounts, params(['a@example.com']), { url: locksmith.url }));
      expect(await failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    });

    it('has done nothing when the statement fails, and says that the schema is missing', async () => {
      expect(
        await stepFailure(disable(['a@example.com'], { disableAccount: 'UPDATE users SET disabled = true WHERE email = $1' })),
      ).toMatchObject({ code: 'rejected', happened: 'nothing', message: expect.stringContaining('name the schema') });
      expect(
        await stepFailure(
          disable(['a@example.com'], { disableAccount: `${disableAccount()}; DELETE FROM ${nameOfTable('users')}` }),
        ),
      ).toMatchObject({ code: 'rejected', happened: 'nothing' });
      expect(
        await stepFailure(disable(['a@example.com'], { disableAccount: `DELETE FROM ${nameOfTable('users')} WHERE email = $1` })),
      ).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
    });

    it('is rolled back on abort', async () => {
      const holder = await server.openClient(server.url);
      await holder.client.query(`BEGIN; SELECT FROM ${nameOfTable('users')} WHERE email = 'b@example.com' FOR UPDATE`);
      const controller = new AbortController();
      const overrides = { url: locksmith.url, connection: { disableAccount: disableAccount() }, signal: controller.signal };
      const planned = await plan(disableAccounts, params(['a@example.com', 'b@example.com']), overrides);
      const failure = stepFailure(run(disableAccounts, planned, overrides));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${locksmith.name}' AND wait_event_type = 'Lock'`);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      await server.closeClients();
      expect(await disabled()).toEqual([]);
    });
  });
});

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
