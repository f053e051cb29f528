import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import type { PostgresConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { postgresRemediations } from '../../src/remediations/postgres/index.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const DATABASE = 'app';
const STATS = 'GRANT pg_read_all_stats TO remedyd';
const MEMBER = 'GRANT app TO remedyd';
const CHECK = 'verify_heapam(regclass, boolean, boolean, text, bigint, bigint)';

/** Parameters with which each does something to the database of these tests, and the grants that its notes ask for beside CONNECT. */
const CALLS: Readonly<Record<string, { readonly params: JsonObject; readonly grants: readonly string[] }>> = {
  'postgres.active_queries': { params: {}, grants: [STATS] },
  'postgres.analyze': { params: { table: 'orders' }, grants: [MEMBER] },
  'postgres.bloat': { params: { min_bytes: 1 }, grants: ['GRANT pg_stat_scan_tables TO remedyd'] },
  'postgres.connection_stats': { params: {}, grants: [STATS] },
  'postgres.disable_accounts': {
    params: { accounts: ['a@example.com'] },
    grants: ['GRANT SELECT (email), UPDATE (disabled) ON public.users TO remedyd'],
  },
  'postgres.index_sizes': { params: {}, grants: [] },
  'postgres.integrity_check': {
    params: {},
    grants: [
      'GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO remedyd',
      `GRANT EXECUTE ON FUNCTION ${CHECK} TO remedyd`,
    ],
  },
  'postgres.lock_chains': { params: {}, grants: [STATS] },
  'postgres.ping': { params: {}, grants: [] },
  'postgres.reindex': { params: { table: 'orders' }, grants: [MEMBER] },
  'postgres.replication_lag': { params: {}, grants: [STATS] },
  'postgres.set_parameter': {
    params: { name: 'work_mem', value: '8MB' },
    grants: [
      'GRANT ALTER SYSTEM ON PARAMETER work_mem TO remedyd',
      'GRANT EXECUTE ON FUNCTION pg_reload_conf() TO remedyd',
      'GRANT SELECT ON pg_file_settings TO remedyd',
      'GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO remedyd',
    ],
  },
  'postgres.set_read_only': { params: { enabled: false }, grants: [MEMBER] },
  'postgres.slow_queries': { params: {}, grants: [STATS] },
  'postgres.table_sizes': { params: {}, grants: [] },
  'postgres.vacuum': { params: { table: 'orders' }, grants: [MEMBER] },
};

const SIGNALS = ['GRANT pg_read_all_stats TO remedyd', 'GRANT pg_signal_backend TO remedyd'];
/** Those that need sessions to end or backups: the tests of these work with exactly the roles that are said here. */
const ELSEWHERE: Readonly<Record<string, { readonly params: JsonObject; readonly grants: readonly string[] }>> = {
  'postgres.cancel_queries': { params: {}, grants: SIGNALS },
  'postgres.dump': { params: { directory: '/' }, grants: ['GRANT pg_read_all_data TO remedyd'] },
  'postgres.restore_test': { params: { directory: '/' }, grants: ['ALTER ROLE remedyd CREATEDB'] },
  'postgres.terminate_blockers': { params: {}, grants: SIGNALS },
  'postgres.terminate_idle_connections': { params: {}, grants: SIGNALS },
  'postgres.terminate_idle_in_transaction': { params: {}, grants: SIGNALS },
  'postgres.terminate_queries': { params: {}, grants: SIGNALS },
};

/** What the server does without that right, instead of failing. */
const LESS_WITHOUT: Readonly<Record<string, JsonObject>> = { 'postgres.bloat': { method: 'estimate' } };

const byName = (remediations: readonly AnyRemediation[]) =>
  remediations.map((remediation) => [remediation.name, remediation] as const);
const here = byName(postgresRemediations.filter(({ name }) => name in CALLS));

/** The grants that the notes tell the reader to run, one by one; those of PostgreSQL 17 are not for the server of these tests. */
function grantsOf({ notes }: AnyRemediation): readonly string[] {
  const code = [...notes.replaceAll('\n', ' ').matchAll(/`([^`]*)`/g)].map(([, text = '']) => text).join('; ');
  return code
    .split(/; ?/)
    .filter((statement) => /^(?:GRANT|ALTER ROLE \w+ [A-Z]+$)/.test(statement))
    .filter((statement) => !/ON DATABASE|MAINTAIN|pg_maintain/i.test(statement))
    .flatMap((statement) => {
      const [, roles] = /^GRANT (pg_\w+(?:, pg_\w+)+) TO remedyd$/.exec(statement) ?? [];
      const [, functions] = /^GRANT EXECUTE ON FUNCTION (.*) TO remedyd$/.exec(statement) ?? [];
      if (roles !== undefined) return roles.split(', ').map((role) => `GRANT ${role} TO remedyd`);
      if (functions === undefined) return [statement];
      return functions.split(/(?<=\)), /).map((signature) => `GRANT EXECUTE ON FUNCTION ${signature} TO remedyd`);
    });
}

describe.each(byName(postgresRemediations))('the notes of %s', (name, remediation) => {
  it('ask for exactly the rights that the tests give', () => {
    expect([...grantsOf(remediation)].sort()).toEqual([...((CALLS[name] ?? ELSEWHERE[name])?.grants ?? ['untested'])].sort());
  });
});

describeWith('postgres', 'the rights of PostgreSQL', () => {
  let server: GuardedPostgres;
  let owner: string;
  let admin: Client;

  beforeAll(async () => {
    server = await startGuardedPostgres({ shared_preload_libraries: 'pg_stat_statements' });
    ({ name: owner } = await server.createRole('app'));
    await server.query(`CREATE DATABASE ${DATABASE} OWNER ${owner}`);
    await server.query(`REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC`);
    ({ client: admin } = await server.openClient(inDatabase(server.url)));
    await admin.query(`
      CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgstattuple; CREATE EXTENSION amcheck;
      CREATE TABLE orders (id int PRIMARY KEY);
      INSERT INTO orders SELECT generate_series(1, 1000);
      ALTER TABLE orders OWNER TO ${owner};
      CREATE TABLE users (email text PRIMARY KEY, secret text, disabled bool NOT NULL DEFAULT false);
      INSERT INTO users VALUES ('a@example.com', 'geheim')`);
  });
  afterAll(async () => {
    await server.closeClients();
    await server.stop();
  });

  const connectionTo = (url: string): PostgresConnection => ({
    ...postgresConnection(url),
    allowParameters: ['work_mem'],
    disableAccount: 'UPDATE public.users SET disabled = true WHERE email = $1',
    backupDirectories: ['/'],
  });
  const contextFor = (url: string, overrides: Partial<StepContext> = {}) => createStepContext(connectionTo(url), overrides);
  const paramsOf = ({ name, params }: AnyRemediation): JsonObject =>
    parseParameters(params, (CALLS[name] ?? ELSEWHERE[name])?.params ?? {}, matchesPattern);
  const perform = async (remediation: AnyRemediation, url: string): Promise<JsonObject> =>
    remediation.run(await remediation.plan(paramsOf(remediation), contextFor(url)), contextFor(url));

  /** A new role with these grants and no others, and how a statement of the notes reads for it. */
  const roleWith = async (grants: readonly string[], mayConnect = true) => {
    const role = await server.createRole('remedyd');
    const forRole = (grant: string): string =>
      grant.replaceAll('remedyd', role.name).replace('GRANT app TO', `GRANT ${owner} TO`);
    const connect = mayConnect ? [`GRANT CONNECT ON DATABASE ${DATABASE} TO ${role.name}`] : [];
    for (const grant of [...connect, ...grants.map(forRole)]) await admin.query(grant);
    return { ...role, url: inDatabase(role.url), forRole };
  };

  describe.each(here)('%s', (name, remediation) => {
    const grants = CALLS[name]?.grants ?? [];

    it('works with exactly the rights of its notes', async () => {
      const { url } = await roleWith(grants);
      const output = await perform(remediation, url);
      expect(Object.keys(output).sort()).toEqual(Object.keys(remediation.outputs).sort());
      const less = LESS_WITHOUT[name];
      if (less !== undefined) expect(output).not.toMatchObject(less);
    });

    it('says when the role may not connect to the database', async () => {
      const { url } = await roleWith([], false);
      const refusal = { code: 'permission_denied', happened: 'nothing', message: expect.stringContaining('CONNECT') };
      if (name === 'postgres.ping') {
        expect(await perform(remediation, url)).toMatchObject({ ready: false, reason: 'permission_denied' });
      } else expect(await stepFailure(perform(remediation, url))).toMatchObject(refusal);
    });

    if (grants.length > 0) {
      it.each(grants)('without "%s" says so', async (missing) => {
        const { url, forRole } = await roleWith(grants.filter((grant) => grant !== missing));
        const less = LESS_WITHOUT[name];
        if (less !== undefined) {
          expect(await perform(remediation, url)).toMatchObject(less);
          return;
        }
        const failure = await stepFailure(perform(remediation, url));
        expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
        // What the configured statement needs only the server knows, which names the table.
        const named = name === 'postgres.disable_accounts' ? 'users' : forRole(missing);
        expect(failure.message).toContain(named.replace(/FUNCTION (bt_|verify_)/, 'FUNCTION public.$1'));
      });
    }
  });

  describe('a plan whose connection was changed since', () => {
    const folder = createTemporaryDirectory('postgres-changed');
    afterAll(() => folder.remove());

    it.each<readonly [string, Partial<PostgresConnection>, string]>([
      ['postgres.set_parameter', { allowParameters: [] }, 'not_allowed'],
      ['postgres.disable_accounts', { disableAccount: 'UPDATE public.users SET disabled = true' }, 'precondition_failed'],
      ['postgres.set_read_only', {}, 'precondition_failed'],
      ['postgres.dump', { backupDirectories: [] }, 'not_allowed'],
      ['postgres.restore_test', { backupDirectories: [] }, 'not_allowed'],
    ])('of %s is not carried out with %j', async (name, changed, code) => {
      const remediation = remediationNamed(name);
      const file = join(folder.path, 'old.dump');
      writeFileSync(file, 'no dump');
      const own: Readonly<Record<string, JsonObject>> = {
        'postgres.dump': { directory: folder.path, compress: true },
        'postgres.restore_test': { file },
      };
      const params = own[name] ?? paramsOf(remediation);
      const planned = await remediation.plan(params, contextFor(inDatabase(server.url)));
      // Without another change, its URL leads to another database.
      const url = Object.keys(changed).length === 0 ? server.url : inDatabase(server.url);
      const context = createStepContext({ ...connectionTo(url), ...changed });
      expect(await stepFailure(remediation.run(planned, context))).toMatchObject({ code, happened: 'nothing' });
      expect(readdirSync(folder.path)).toEqual(['old.dump']);
    });

    it('leaves out tables that the role may no longer maintain', async () => {
      const vacuum = remediationNamed('postgres.vacuum');
      const role = await roleWith([MEMBER]);
      const planned = await vacuum.plan(paramsOf(vacuum), contextFor(role.url));
      await server.query(`REVOKE ${owner} FROM ${role.name}; GRANT CONNECT ON DATABASE ${DATABASE} TO ${role.name}`);
      expect(await vacuum.run(planned, contextFor(role.url))).toMatchObject({ vacuumed: 0, skipped: [{ reason: 'gone' }] });
    });
  });

  describe('a step that is stopped', () => {
    const folder = createTemporaryDirectory('postgres-stops');
    afterAll(() => folder.remove());

    it.each(byName(postgresRemediations.filter(({ name }) => !/ping|restore_test/.test(name))))(
      'ends, whatever %s does, at a server that hangs',
      async (_name, remediation) => {
        await using silent = await startSilentServer();
        const params = { ...paramsOf(remediation), ...('directory' in remediation.params ? { directory: folder.path } : {}) };
        const planned = await remediation.plan(params, contextFor(inDatabase(server.url)));
        const hangs = `postgres://u:p@127.0.0.1:${silent.port}/${DATABASE}`;
        // What reads, and the names of accounts, need no server to be planned.
        if (remediation.effect(params) !== 'read' && remediation.name !== 'postgres.disable_accounts') {
          expect(await stepFailure(remediation.plan(params, contextFor(hangs, { timeoutMs: 50 })))).toMatchObject({
            code: 'timeout',
            happened: 'nothing',
          });
        }
        const controller = new AbortController();
        const failure = stepFailure(remediation.run(planned, contextFor(hangs, { signal: controller.signal })));
        await silent.connected;
        controller.abort();
        expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      },
    );

    it.each([
      ['postgres.analyze', 'LOCK TABLE public.orders IN SHARE UPDATE EXCLUSIVE MODE', 'unknown'],
      ['postgres.bloat', 'LOCK TABLE public.orders', 'nothing'],
      ['postgres.set_parameter', 'LOCK TABLE pg_parameter_acl', 'nothing'],
      // So that sessions can still begin, which read it.
      ['postgres.set_read_only', 'LOCK TABLE pg_db_role_setting IN SHARE MODE', 'nothing'],
    ])('%s lets go of the server in the middle of its work', async (name, lock, happened) => {
      const remediation = remediationNamed(name);
      const role = await roleWith(CALLS[name]?.grants ?? []);
      const planned = await remediation.plan(paramsOf(remediation), contextFor(role.url));
      await admin.query(`BEGIN; ${lock}`);
      const controller = new AbortController();
      const failure = stepFailure(remediation.run(planned, contextFor(role.url, { signal: controller.signal })));
      const ours = `FROM pg_stat_activity WHERE usename = '${role.name}'`;
      await server.waitFor(`SELECT ${ours} AND wait_event_type = 'Lock'`);
      controller.abort(new DOMException('time is up', 'TimeoutError'));
      expect(await failure).toMatchObject({ code: 'timeout', happened });
      await admin.query('ROLLBACK');
      await server.waitFor(`SELECT WHERE NOT EXISTS (SELECT ${ours})`);
    });
  });
});

function remediationNamed(name: string): AnyRemediation {
  const found = postgresRemediations.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} is gone`);
  return found;
}

function inDatabase(url: string): string {
  const changed = new URL(url);
  changed.pathname = `/${DATABASE}`;
  return changed.href;
}
