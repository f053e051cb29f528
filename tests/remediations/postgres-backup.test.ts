import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.ts';
import type { AnyRemediation, Plan, StepContext } from '../../src/domain/remediation.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { createClientEnvironment } from '../../src/remediations/postgres/client-environment.ts';
import { findClientProgram } from '../../src/remediations/postgres/client-program.ts';
import { dump } from '../../src/remediations/postgres/dump.ts';
import { integrityCheck } from '../../src/remediations/postgres/integrity-check.ts';
import { restoreTest } from '../../src/remediations/postgres/restore-test.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const PAGE_BYTES = 8_192;
const run = promisify(execFile);

interface Role {
  readonly name: string;
  readonly url: string;
}

describeWith('postgres', 'backups and integrity of PostgreSQL', () => {
  let server: GuardedPostgres;
  let folder: { readonly path: string; readonly remove: () => void };
  let backups: string;
  let reader: Role;
  let restorer: Role;
  let stranger: Role;

  beforeAll(async () => {
    server = await startGuardedPostgres();
    reader = await server.createRole('remedyd', { memberOf: ['pg_read_all_data'] });
    restorer = await server.createRole('restorer');
    stranger = await server.createRole('stranger');
    await server.query(`
      ALTER ROLE ${restorer.name} CREATEDB;
      CREATE TABLE orders (id int PRIMARY KEY, note text);
      INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, 5000) AS n;
      CREATE TABLE "Odd name" (id int);
      INSERT INTO "Odd name" VALUES (1), (2)`);
  });
  beforeEach(() => {
    folder = createTemporaryDirectory('backups');
    backups = join(folder.path, 'backups');
    mkdirSync(backups);
  });
  afterEach(async () => {
    await server.closeClients();
    folder.remove();
  });
  afterAll(() => server.stop());

  const contextFor = (role: Role, overrides: Partial<StepContext> = {}): StepContext =>
    createStepContext({ ...postgresConnection(role.url), backupDirectories: [backups] }, overrides);
  const planAndRun = async (remediation: AnyRemediation, params: JsonObject, role: Role, overrides?: Partial<StepContext>) =>
    remediation.run(await remediation.plan(params, contextFor(role, overrides)), contextFor(role, overrides));
  const scratchDatabases = async () =>
    (await server.query(`SELECT datname FROM pg_database WHERE datname LIKE 'remedyd%' ORDER BY 1`)).map(
      ({ datname }) => datname,
    );
  const pathOf = (output: JsonObject): string => z.string().parse(output['file']);
  const makeDump = async (params: JsonObject = {}): Promise<string> =>
    pathOf(await planAndRun(dump, { directory: backups, compress: true, ...params }, reader));

  describe('dump', () => {
    it('writes a readable, flushed, private file with the checksum that it says', async () => {
      const planned = await dump.plan({ directory: backups, compress: true }, contextFor(reader));
      expect(planned).toMatchObject({
        summary: `dump database postgres of PostgreSQL "main" into a new file in "${backups}"`,
        identity: { connection: 'main', database: 'postgres', directory: backups },
        touches: [`files:${backups}`],
      });
      const output = await dump.run(planned, contextFor(reader));
      const file = pathOf(output);
      expect(file).toMatch(/\/backups\/postgres-\d{8}T\d{6}Z\.dump$/);
      expect(readdirSync(backups)).toEqual([file.slice(backups.length + 1)]);
      expect(output['sha256']).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
      expect(output['bytes']).toBe(statSync(file).size);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const { path } = await findClientProgram('pg_restore', 15, contextFor(reader));
      expect((await run(path, ['--list', file])).stdout).toMatch(/TABLE DATA public Odd name/);
    });

    it('compresses, or does not', async () => {
      const [small, large] = [join(backups, 'small'), join(backups, 'large')];
      [small, large].forEach((path) => mkdirSync(path));
      const compressed = await makeDump({ directory: small });
      const plain = await makeDump({ directory: large, compress: false });
      expect(statSync(compressed).size).toBeLessThan(statSync(plain).size * 0.8);
    });

    it('names the file after the database, whatever that is called', async () => {
      const database = '..odd "name"-1';
      await server.query(`CREATE DATABASE "${database.replaceAll('"', '""')}"`);
      const url = new URL(reader.url);
      url.pathname = `/${encodeURIComponent(database)}`;
      const output = await planAndRun(dump, { directory: backups, compress: true }, { ...reader, url: url.href });
      await server.query(`DROP DATABASE "${database.replaceAll('"', '""')}"`);
      expect(pathOf(output)).toMatch(/\/backups\/_\.odd__name_-1-\d{8}T\d{6}Z\.dump$/);
    });

    it('shows the password to nobody', () => {
      const url = 'postgres://u:geheim@10.0.0.1:5433/app?sslmode=require';
      expect(createClientEnvironment(postgresConnection(url), 'app', 16)).toMatchObject({
        PGHOST: '10.0.0.1',
        PGPORT: '5433',
        PGUSER: 'u',
        PGPASSWORD: 'geheim',
        PGDATABASE: 'app',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: 'system',
      });
    });

    it.each([
      ['postgres://u@h/app', 'prefer'],
      ['postgres://u@h/app?ssl=true', 'verify-full'],
      ['postgres://u@h/app?sslrootcert=/etc/passwd', 'verify-full'],
      ['postgres://u@h/app?sslmode=no-verify', 'require'],
      ['postgres://u@h/app?sslmode=disable', 'disable'],
      ['postgres://u@h/app?sslmode=verify-ca&uselibpqcompat=true&sslrootcert=/etc/passwd', 'verify-ca'],
    ])('connects with %s as our own sessions do: %s', (url, mode) => {
      expect(createClientEnvironment(postgresConnection(url), 'app', 15)).toMatchObject({ PGSSLMODE: mode });
    });

    // libpq 16 and later refuses to start with `system` and any other mode; earlier ones check the certificate where a file is given.
    it.each([15, 16, 17])('has the certificate checked where our own sessions do, with a client of version %i', (major) => {
      const authoritiesFor = (query: string) =>
        createClientEnvironment(postgresConnection(`postgres://u@h/app${query}`), 'app', major)['PGSSLROOTCERT'];
      for (const query of ['', '?sslmode=disable', '?sslmode=no-verify', '?sslmode=require&uselibpqcompat=true']) {
        expect(authoritiesFor(query)).toBeUndefined();
      }
      const ofTheSystem = major < 16 ? '/etc/ssl/certs/ca-certificates.crt' : 'system';
      expect(authoritiesFor('?sslmode=require')).toBe(ofTheSystem);
      expect(authoritiesFor('?sslmode=verify-full&uselibpqcompat=true')).toBe(ofTheSystem);
      expect(authoritiesFor('?sslmode=verify-full&sslrootcert=/etc/hostname')).toBe('/etc/hostname');
    });

    it('writes below backup_directories only, whatever links say', async () => {
      const outside = join(folder.path, 'outside');
      mkdirSync(outside);
      symlinkSync(outside, join(backups, 'link'));
      symlinkSync(backups, join(folder.path, 'home'));
      const refused = (directory: string) => stepFailure(dump.plan({ directory, compress: true }, contextFor(reader)));
      for (const directory of [outside, join(backups, 'link'), `${backups}/..`, `${backups}-2/..`, '/']) {
        expect(await refused(directory)).toMatchObject({
          code: expect.stringMatching(/not_allowed|not_found/),
          happened: 'nothing',
        });
      }
      expect(await refused(join(backups, 'nowhere'))).toMatchObject({ code: 'not_found' });
      expect(await dump.plan({ directory: join(folder.path, 'home'), compress: true }, contextFor(reader))).toMatchObject({
        identity: { directory: backups },
      });
      expect(readdirSync(outside)).toEqual([]);
    });

    it('does nothing when the directory has become a link since the plan', async () => {
      const [place, other] = [join(backups, 'place'), join(backups, 'other')];
      mkdirSync(other);
      mkdirSync(place);
      const planned = await dump.plan({ directory: place, compress: true }, contextFor(reader));
      await run('rmdir', [place]);
      symlinkSync(other, place);
      expect(await stepFailure(dump.run(planned, contextFor(reader)))).toMatchObject({
        code: 'precondition_failed',
        happened: 'nothing',
      });
    });

    it('names the missing grant, and leaves no file', async () => {
      expect(await stepFailure(planAndRun(dump, { directory: backups, compress: true }, stranger))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining('GRANT pg_read_all_data'),
      });
      expect(readdirSync(backups)).toEqual([]);
    });

    (canMount() ? it : it.skip)('leaves no file when the disk is full', async () => {
      const small = join(backups, 'small');
      mkdirSync(small);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', small]);
      try {
        const failure = await stepFailure(planAndRun(dump, { directory: small, compress: false }, reader));
        expect(failure).toMatchObject({
          code: 'rejected',
          happened: 'nothing',
          message: expect.stringContaining('No space left'),
        });
        expect(readdirSync(small)).toEqual([]);
      } finally {
        await run('umount', [small]);
      }
    });

    it('kills pg_dump on abort, and leaves no file', async () => {
      const holder = await server.openClient(server.url);
      await holder.client.query('BEGIN; LOCK TABLE orders');
      const controller = new AbortController();
      const failure = stepFailure(
        planAndRun(dump, { directory: backups, compress: true }, reader, { signal: controller.signal }),
      );
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${reader.name}' AND wait_event_type = 'Lock'`);
      expect(readdirSync(backups)).toEqual([expect.stringMatching(/\.dump\.partial$/)]);
      const command = readFileSync(`/proc/${pidOf('pg_dump', backups) ?? ''}/cmdline`, 'utf8');
      expect(command).not.toContain(new URL(reader.url).password);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      expect(readdirSync(backups)).toEqual([]);
      expect(pidOf('pg_dump', backups)).toBeUndefined();
    });

    it('leaves no file when pg_dump is killed', async () => {
      const holder = await server.openClient(server.url);
      await holder.client.query('BEGIN; LOCK TABLE orders');
      const failure = stepFailure(planAndRun(dump, { directory: backups, compress: true }, reader));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${reader.name}' AND wait_event_type = 'Lock'`);
      process.kill(Number(pidOf('pg_dump', backups)), 'SIGKILL');
      expect(await failure).toMatchObject({ code: 'rejected', happened: 'nothing' });
      expect(readdirSync(backups)).toEqual([]);
    });

    it('removes what a crash left a day ago, and nothing else', async () => {
      const names = ['postgres-20200101T000000Z.dump.partial', 'other-20200101T000000Z.dump.partial', 'postgres-x.dump.partial'];
      for (const name of names) writeFileSync(join(backups, name), '');
      const recent = 'postgres-20200102T000000Z.dump.partial';
      names.forEach((name) => utimesSync(join(backups, name), 0, 0));
      writeFileSync(join(backups, recent), '');
      await makeDump();
      expect(
        readdirSync(backups)
          .filter((name) => name.endsWith('.partial'))
          .sort(),
      ).toEqual([...names.slice(1), recent].sort());
    });

    it('finds the program that is as new as the server', async () => {
      const context = { clock: new SystemClock(), signal: new AbortController().signal };
      const programs = [13, 16, 17].map((major) => {
        const directory = join(folder.path, String(major));
        mkdirSync(directory);
        const path = join(directory, 'pg_dump');
        writeFileSync(path, `#!/bin/sh\necho 'pg_dump (PostgreSQL) ${major}.4 (Debian ${major}.4-1)'\n`);
        chmodSync(path, 0o755);
        return directory;
      });
      expect(await findClientProgram('pg_dump', 15, context, programs)).toMatchObject({ major: 16 });
      expect(await findClientProgram('pg_dump', 17, context, programs)).toMatchObject({ major: 17 });
      expect(await stepFailure(findClientProgram('pg_dump', 18, context, programs))).toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/is of version 13, .*; install postgresql-client-18$/),
      });
      expect(await stepFailure(findClientProgram('pg_restore', 15, context, programs))).toMatchObject({ code: 'unavailable' });
    });
  });

  describe('restore_test', () => {
    it('restores the newest dump of a directory, counts, and drops the scratch database', async () => {
      const file = await makeDump();
      const old = join(backups, 'postgres-20200101T000000Z.dump');
      writeFileSync(old, 'older');
      utimesSync(old, 0, 0);
      writeFileSync(join(backups, 'other-20300101T000000Z.dump'), 'of another database');
      const params = { directory: backups, database: 'postgres' };
      const planned = await restoreTest.plan(params, contextFor(restorer));
      expect(planned).toMatchObject({
        summary: expect.stringContaining(`restore "${file}" (`),
        identity: { connection: 'main', file: null, directory: backups, database: 'postgres' },
        touches: ['postgres:main'],
      });
      expect(await restoreTest.run(planned, contextFor(restorer))).toMatchObject({ file, tables: 2, rows: 5_002 });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('refuses a damaged dump, and drops the scratch database', async () => {
      const file = await makeDump({ compress: false });
      truncateSync(file, statSync(file).size - 60_000);
      expect(await stepFailure(planAndRun(restoreTest, { file }, restorer))).toMatchObject({ code: 'rejected' });
      writeFileSync(file, 'no dump at all');
      expect(await stepFailure(planAndRun(restoreTest, { file }, restorer))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringContaining('does not appear to be a valid archive'),
      });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('leaves out extensions that only a superuser may create, and names them', async () => {
      await server.query(`
        CREATE EXTENSION pg_stat_statements; CREATE EXTENSION amcheck; CREATE EXTENSION citext;
        CREATE TABLE accounts (email citext);
        INSERT INTO accounts VALUES ('a@example.com')`);
      const file = await makeDump();
      await server.query('DROP TABLE accounts; DROP EXTENSION citext; DROP EXTENSION amcheck; DROP EXTENSION pg_stat_statements');
      const restored = { tables: 3, rows: 5_003 };
      const skipped = { skipped_extensions: ['amcheck', 'pg_stat_statements'] };
      expect(await planAndRun(restoreTest, { file }, restorer)).toMatchObject({ ...restored, ...skipped });
      const superuser = { name: 'postgres', url: server.url };
      expect(await planAndRun(restoreTest, { file }, superuser)).toMatchObject({ ...restored, skipped_extensions: [] });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('fails when something in the dump needs an extension that is left out', async () => {
      await server.query(`CREATE EXTENSION amcheck; CREATE VIEW damages AS SELECT * FROM verify_heapam('orders')`);
      const file = await makeDump();
      await server.query('DROP EXTENSION amcheck CASCADE');
      expect(await stepFailure(planAndRun(restoreTest, { file }, restorer))).toMatchObject({
        code: 'rejected',
        happened: 'nothing',
        message: expect.stringMatching(/function public\.verify_heapam\(.* does not exist.*; left out .*: amcheck$/),
      });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('reports what restoring complains about', async () => {
      await server.query(
        `CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; ALTER FUNCTION f() OWNER TO ${stranger.name}`,
      );
      await server.query('CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f()');
      const file = await makeDump();
      await server.query('DROP FUNCTION f() CASCADE');
      expect(await stepFailure(planAndRun(restoreTest, { file }, restorer))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringMatching(/permission denied to create event trigger "watch"/),
      });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('drops the scratch database on abort', async () => {
      await server.query(`
        CREATE FUNCTION slow() RETURNS bool LANGUAGE plpgsql
          AS 'BEGIN IF current_database() LIKE ''remedyd%'' THEN PERFORM pg_sleep(600); END IF; RETURN true; END';
        CREATE TABLE slowly (id int CHECK (slow()));
        INSERT INTO slowly VALUES (1)`);
      const file = await makeDump();
      await server.query('DROP TABLE slowly; DROP FUNCTION slow()');
      const controller = new AbortController();
      const failure = stepFailure(planAndRun(restoreTest, { file }, restorer, { signal: controller.signal }));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${restorer.name}' AND wait_event = 'PgSleep'`);
      controller.abort();
      expect(await failure).toMatchObject({ code: 'aborted', happened: 'nothing' });
      expect(await scratchDatabases()).toEqual([]);
    });

    it('drops what a crash left a day ago, and nothing else', async () => {
      const file = await makeDump();
      const [old, recent, other] = [
        'remedyd_restore_20200101t000000_0123abcd',
        `remedyd_restore_20991231t000000_0123abcd`,
        'remedyd_restore_mine',
      ];
      for (const name of [old, recent, other]) await server.query(`CREATE DATABASE ${name} OWNER ${restorer.name}`);
      await planAndRun(restoreTest, { file }, restorer);
      const left = await scratchDatabases();
      for (const name of [recent, other]) await server.query(`DROP DATABASE ${name}`);
      expect(left).toEqual([recent, other]);
    });

    it('names the missing right', async () => {
      const file = await makeDump();
      expect(await stepFailure(restoreTest.plan({ file }, contextFor(reader)))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(`ALTER ROLE ${reader.name} CREATEDB;`),
      });
    });

    it('does nothing when the file was changed since the plan', async () => {
      const file = await makeDump();
      const planned: Plan = await restoreTest.plan({ file }, contextFor(restorer));
      utimesSync(file, 0, 0);
      expect(await stepFailure(restoreTest.run(planned, contextFor(restorer)))).toMatchObject({
        code: 'precondition_failed',
        happened: 'nothing',
      });
    });

    it('refuses everything else', async () => {
      const refused = (params: JsonObject) => stepFailure(restoreTest.plan(params, contextFor(restorer)));
      symlinkSync('/etc/passwd', join(backups, 'passwd.dump'));
      expect(await refused({})).toMatchObject({ code: 'missing_value' });
      expect(await refused({ file: '/x', directory: backups })).toMatchObject({ code: 'invalid_value' });
      expect(await refused({ file: '/etc/passwd' })).toMatchObject({ code: 'not_allowed' });
      expect(await refused({ file: join(backups, 'passwd.dump') })).toMatchObject({ code: 'not_allowed' });
      expect(await refused({ file: join(backups, 'nowhere.dump') })).toMatchObject({ code: 'not_found' });
      expect(await refused({ directory: backups })).toMatchObject({ code: 'not_found' });
      expect(await refused({ directory: '/etc' })).toMatchObject({ code: 'not_allowed' });
    });
  });

  describe('integrity_check', () => {
    let checker: Role;
    let original: string;
    let copies = 0;
    const params = { limit: 1_000, every_row: false, lock_timeout: 5_000 };
    const at = (role: Role, database: string): Role => ({ ...role, url: withDatabase(role.url, database) });
    const check = (database: string, overrides: JsonObject = {}) =>
      planAndRun(integrityCheck, { ...params, ...overrides }, at(checker, database));
    const query = async (database: string, sql: string) =>
      (await server.openClient(withDatabase(server.url, database))).client.query<Record<string, string>>(sql);
    /** A copy of the database whose files are damaged before anybody has read them. */
    const damage = async (relation: string, write: (file: string) => void): Promise<string> => {
      const database = `damaged_${(copies += 1)}`;
      await server.query(`CREATE DATABASE ${database} TEMPLATE ${original} STRATEGY file_copy`);
      const { rows } = await query(
        database,
        `SELECT current_setting('data_directory') || '/' || pg_relation_filepath('${relation}') AS file`,
      );
      write(rows[0]?.['file'] ?? '');
      return database;
    };

    beforeAll(async () => {
      checker = await server.createRole('checker');
      original = 'sound';
      await server.query(`CREATE DATABASE ${original}`);
      await query(
        original,
        `CREATE EXTENSION amcheck;
         GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean),
           verify_heapam(regclass, boolean, boolean, text, bigint, bigint) TO ${checker.name};
         CREATE TABLE orders (id int PRIMARY KEY, note text);
         INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, 5000) AS n;
         CREATE TABLE other (id int)`,
      );
      await server.closeClients();
    });

    it('finds nothing in a sound database, without a right to its tables', async () => {
      expect(await check(original)).toMatchObject({ damaged: false, checked: 5, remaining: 0, findings: [], skipped: [] });
      expect(await check(original, { tables: ['public.other'], every_row: true })).toMatchObject({ damaged: false, checked: 1 });
      expect(await check(original, { limit: 1 })).toMatchObject({ checked: 4, remaining: 1 });
    });

    it('finds a page of a table that is no page', async () => {
      const database = await damage('orders', (file) => overwrite(file, PAGE_BYTES, Buffer.alloc(PAGE_BYTES, 0xa5)));
      expect(await check(database)).toMatchObject({
        damaged: true,
        findings: [{ relation: 'public.orders', kind: 'table', message: expect.stringContaining('invalid page in block 1') }],
      });
    });

    it('finds damaged rows', async () => {
      // The place of the first row on the first page, which now points behind the page.
      const database = await damage('orders', (file) => overwrite(file, 24, Buffer.from([0xff, 0xff, 0xfe, 0xff])));
      const output = await check(database, { tables: ['orders'] });
      expect(output).toMatchObject({ damaged: true });
      expect(output['findings']).toContainEqual({
        relation: 'public.orders',
        kind: 'table',
        message: expect.stringMatching(/^block 0: line pointer/),
      });
    });

    it('finds a damaged index', async () => {
      // Two entries of the first leaf page change places.
      const database = await damage('orders_pkey', (file) => {
        const page = readFileSync(file).subarray(PAGE_BYTES, 2 * PAGE_BYTES);
        const [first, second] = [Buffer.from(page.subarray(28, 32)), Buffer.from(page.subarray(40, 44))];
        overwrite(file, PAGE_BYTES + 28, second);
        overwrite(file, PAGE_BYTES + 40, first);
      });
      expect(await check(database)).toMatchObject({
        damaged: true,
        findings: [
          { relation: 'public.orders_pkey', kind: 'index', message: expect.stringContaining('item order invariant violated') },
        ],
      });
    });

    it('skips a table that stays locked', async () => {
      await query(original, 'BEGIN; LOCK TABLE other');
      expect(await check(original, { tables: ['other'], lock_timeout: 50 })).toMatchObject({
        damaged: false,
        skipped: [{ relation: 'public.other', reason: 'locked' }],
      });
    });

    it.each([
      ['aborted', undefined],
      ['timeout', new DOMException('time is up', 'TimeoutError')],
    ])('stops in the server: %s', async (code, reason) => {
      await query(original, 'BEGIN; LOCK TABLE other');
      const controller = new AbortController();
      const failure = stepFailure(planAndRun(integrityCheck, params, at(checker, original), { signal: controller.signal }));
      await server.waitFor(`SELECT FROM pg_stat_activity WHERE usename = '${checker.name}' AND wait_event_type = 'Lock'`);
      controller.abort(reason);
      expect(await failure).toMatchObject({ code, happened: 'nothing' });
      await server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '${checker.name}')`);
    });

    it('says what is missing, with the statement that helps', async () => {
      expect(await stepFailure(planAndRun(integrityCheck, params, checker))).toMatchObject({
        code: 'not_found',
        happened: 'nothing',
        message: expect.stringContaining('run there: CREATE EXTENSION amcheck;'),
      });
      const failure = await stepFailure(planAndRun(integrityCheck, params, at(stranger, original)));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(
        `GRANT EXECUTE ON FUNCTION public.bt_index_check(regclass, boolean) TO ${stranger.name};`,
      );
      expect(failure.message).toContain('GRANT EXECUTE ON FUNCTION public.verify_heapam(');
    });

    it.each<readonly [string, JsonObject]>([
      ['missing_value', { tables: [] }],
      ['missing_value', { tables: [''] }],
      ['invalid_value', { tables: [1] }],
      ['not_found', { tables: ['orders; DROP TABLE orders'] }],
    ])('refuses with %s: %j', async (code, overrides) => {
      expect(await stepFailure(check(original, overrides))).toMatchObject({ code, happened: 'nothing' });
    });
  });
});

function overwrite(file: string, position: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, position);
  closeSync(descriptor);
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** A container may lack the right. */
function canMount(): boolean {
  const { path, remove } = createTemporaryDirectory('mount');
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', path]).status === 0;
  if (isMounted) spawnSync('umount', [path]);
  remove();
  return isMounted;
}

/** The process of a program that has `argument` on its command line. */
function pidOf(program: string, argument: string): string | undefined {
  return readdirSync('/proc').find((pid) => {
    const [name = '', ...args] = /^\d+$/.test(pid) ? commandLineOf(pid).split('\0') : [];
    return name.endsWith(`/${program}`) && args.some((item) => item.includes(argument));
  });
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
