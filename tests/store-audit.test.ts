import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SystemClock } from '../src/domain/system-clock.ts';
import type { AuditEntry } from '../src/domain/state.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { runCli, type CliResult } from './support/daemon-cli.ts';
import { auditEntryOf, changesOf, runOf } from './support/store-rows.ts';

const ENTRIES = 5;
/** More than the check reads at once. */
const MANY = 2_500;
/** Of SQLite's file format: the default size of a page, and its first byte when it is a leaf of an index. */
const PAGE_BYTES = 4_096;
const INDEX_LEAF = 0x0a;

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remedyd-audit-'));
  path = join(directory, 'remedyd.db');
});

afterEach(() => rm(directory, { recursive: true }));

const append = (store: SqliteStore, entries: readonly AuditEntry[]): Promise<void> =>
  store.transact((tx) => tx.save(changesOf({ audit: entries })));

const numbered = (count: number): AuditEntry[] =>
  Array.from({ length: count }, (_, index) =>
    auditEntryOf({ at: index, subject: `incident-${index + 1}`, text: 'done, ünd so' }),
  );

describe.each(['a file', 'memory'])('the audit log in %s', (kind) => {
  let store: SqliteStore;

  beforeEach(async () => {
    store = new SqliteStore({ path: kind === 'memory' ? ':memory:' : path, clock: new SystemClock() });
    await store.open();
  });

  afterEach(() => store.close());

  it('is empty at first', async () => {
    expect(await store.auditTrail({ limit: 9 })).toEqual([]);
    expect(await store.checkAudit()).toEqual({ entries: 0, head: null });
  });

  it('shows the newest first, page by page', async () => {
    await append(store, numbered(ENTRIES));
    const first = await store.auditTrail({ limit: 2 });
    const second = await store.auditTrail({ before: 4, limit: 9 });
    expect([...first, ...second].map(({ position, subject }) => [position, subject])).toEqual(
      [5, 4, 3, 2, 1].map((position) => [position, `incident-${position}`]),
    );
  });

  it('chains each entry to the one before it, by the bytes that are documented', async () => {
    const entries = [auditEntryOf({ details: { b: 1, a: 'ü"\n' } }), auditEntryOf({ ok: false, person: 'bob' })];
    await append(store, entries);
    let hash = '0'.repeat(64);
    const hashes = entries.map(({ at, person, via, action, subject, details, ok, text }) => {
      const cells = [at, person, via, action, subject, JSON.stringify(details), ok ? 1 : 0, text];
      hash = createHash('sha256')
        .update(`${hash}\n${JSON.stringify(cells)}`, 'utf8')
        .digest('hex');
      return hash;
    });
    expect((await store.auditTrail({ limit: 9 })).map((entry) => entry.hash)).toEqual(hashes.toReversed());
    expect(await store.checkAudit()).toEqual({ entries: 2, head: hash });
  });

  it('holds together when many append at once, also in one transaction', async () => {
    await Promise.all(
      numbered(30).map((entry) =>
        store.transact(async (tx) => {
          await Promise.all([tx.save(changesOf({ audit: [entry] })), tx.save(changesOf({ audit: [entry, entry] }))]);
        }),
      ),
    );
    expect(await store.checkAudit()).toMatchObject({ entries: 90 });
  });

  it('has no gap where a transaction failed', async () => {
    await append(store, numbered(1));
    const work = store.transact(async (tx) => {
      await tx.save(changesOf({ audit: numbered(2) }));
      await tx.save(changesOf({ runs: [runOf('run-1')] }));
      throw new Error('changed its mind');
    });
    await expect(work).rejects.toThrow('changed its mind');
    await append(store, numbered(1));
    expect(await store.checkAudit()).toMatchObject({ entries: 2 });
    expect((await store.auditTrail({ limit: 9 })).map(({ position }) => position)).toEqual([2, 1]);
  });

  it('is checked to its end while it grows', async () => {
    await append(store, numbered(MANY));
    const [check] = await Promise.all([store.checkAudit(), append(store, numbered(1))]);
    expect(check).not.toHaveProperty('broken');
    expect(check.entries).toBeGreaterThanOrEqual(MANY);
  });

  it('is not pruned', async () => {
    await append(store, numbered(ENTRIES));
    expect(await store.prune(Number.MAX_SAFE_INTEGER, 100)).toBe(0);
    expect(await store.checkAudit()).toMatchObject({ entries: ENTRIES });
  });
});

describe('remedyd store check', () => {
  let store: SqliteStore;

  beforeEach(async () => {
    store = new SqliteStore({ path, clock: new SystemClock() });
    await store.open();
    await append(store, numbered(ENTRIES));
  });

  afterEach(() => store.close());

  const check = async (at = path): Promise<CliResult> => {
    const config = join(directory, 'remedyd.yml');
    await writeFile(config, `store: { url: ${JSON.stringify(`sqlite:${at}`)} }\nrules: [no-such-folder]\n`);
    return runCli(['store', 'check', '--config', config]);
  };
  const head = async (): Promise<string> => (await store.checkAudit()).head ?? '';

  /** Somebody at the file itself, with its guards taken away. */
  const tamper = async (sql: string): Promise<void> => {
    await store.close();
    const database = new DatabaseSync(path);
    database.exec(`drop trigger "audit_no_update"; drop trigger "audit_no_delete"; ${sql}`);
    database.close();
  };

  it('says that all is well beside the daemon that uses it, and changes nothing', async () => {
    expect(await check()).toEqual({
      code: 0,
      stdout: `${path}: the file is sound\naudit log: 5 entries, head ${await head()}\n`,
      stderr: '',
    });
    await append(store, numbered(1));
    expect((await check()).stdout).toContain(`6 entries, head ${await head()}`);
  });

  it('says so of a store that nobody uses, and of an empty log', async () => {
    const empty = new SqliteStore({ path: join(directory, 'empty.db'), clock: new SystemClock() });
    await empty.open();
    await empty.close();
    expect(await check(join(directory, 'empty.db'))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^audit log: 0 entries$/m),
    });
  });

  it('is not needed for what the database itself refuses', async () => {
    await store.close();
    const database = new DatabaseSync(path);
    for (const sql of [`update "audit" set "person" = 'eve'`, `delete from "audit"`]) {
      expect(() => database.exec(sql)).toThrow('the audit log is append-only');
    }
    database.close();
  });

  const hashOf3 = `(select "hash" from "audit" where "position" = 3)`;
  it.each([
    ['a changed entry', `update "audit" set "person" = 'eve' where "position" = 3`, 3, 'hash does not fit'],
    ['a changed instant', `update "audit" set "at" = "at" + 1 where "position" = 1`, 1, 'hash does not fit'],
    [
      'an instant that JavaScript has not',
      `update "audit" set "at" = 9223372036854775807 where "position" = 2`,
      2,
      'hash does not fit',
    ],
    ['a position far away', `update "audit" set "position" = 9223372036854775807 where "position" = 5`, 5, 'missing'],
    ['a refusal made a success', `update "audit" set "ok" = 1 - "ok" where "position" = 2`, 2, 'hash does not fit'],
    ['details with a blank more', `update "audit" set "details" = '{ }' where "position" = 4`, 4, 'hash does not fit'],
    ['an edge that there is not', `update "audit" set "via" = 'fax' where "position" = 5`, 5, 'hash does not fit'],
    ['a changed hash', `update "audit" set "hash" = ${hashOf3} where "position" = 2`, 2, 'hash does not fit'],
    ['the first deleted', `delete from "audit" where "position" = 1`, 1, 'missing'],
    ['one deleted', `delete from "audit" where "position" = 3`, 3, 'missing'],
    ['the last deleted', `delete from "audit" where "position" = 5`, 5, 'missing'],
    ['all deleted', `delete from "audit"`, 1, 'missing'],
    [
      'one deleted and the gap closed',
      `delete from "audit" where "position" = 3; update "audit" set "position" = "position" - 1 where "position" > 3`,
      3,
      'hash does not fit',
    ],
    [
      'two swapped',
      `update "audit" set "position" = -2 where "position" = 2; update "audit" set "position" = 2 where "position" = 3;
       update "audit" set "position" = 3 where "position" = -2`,
      2,
      'hash does not fit',
    ],
    [
      'one inserted at the front',
      `insert into "audit" select 0, "at", 'eve', "via", "action", "subject", "details", "ok", "text", "hash" from "audit" where "position" = 1`,
      1,
      'there is an entry 0 before it',
    ],
    [
      'one appended by hand',
      `insert into "audit" ("at", "person", "via", "action", "subject", "details", "ok", "text", "hash")
       select "at", 'eve', "via", "action", "subject", "details", "ok", "text", "hash" from "audit" where "position" = 5`,
      6,
      'hash does not fit',
    ],
  ] as const)('finds %s', async (_what, sql, position, why) => {
    await tamper(sql);
    const { code, stdout } = await check();
    expect(code).toBe(1);
    expect(stdout).toContain('the file is sound');
    expect(stdout).toMatch(new RegExp(`^audit log: broken at entry ${position}: .*${why}`, 'm'));
  });

  it('finds one byte that was flipped in the file', async () => {
    await store.close();
    const bytes = await readFile(path);
    const at = bytes.indexOf('incident-4');
    bytes.writeUInt8((bytes.at(at) ?? 0) ^ 1, at);
    await writeFile(path, bytes);
    expect(await check()).toMatchObject({ code: 1, stdout: expect.stringMatching('audit log: broken at entry 4: ') });
  });

  it('finds a file that is damaged', async () => {
    await store.transact((tx) => tx.save(changesOf({ runs: Array.from({ length: 200 }, (_, index) => runOf(`run-${index}`)) })));
    await store.close();
    // In an index, where it does not show as long as the table is read.
    const bytes = await readFile(path);
    const isIndexLeaf = (at: number): boolean => bytes.at(at - (at % PAGE_BYTES)) === INDEX_LEAF;
    let at = bytes.indexOf('run-150');
    while (!isIndexLeaf(at)) at = bytes.indexOf('run-150', at + 1);
    bytes.write('X', at);
    await writeFile(path, bytes);
    const { code, stdout } = await check();
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/: damaged: .* \(and \d+ more\): restore a backup\naudit log: 5 entries/),
    ]);
  });

  it.each([
    ['is not there', () => Promise.resolve(), 'there is no such file'],
    ['is not a database', (at: string) => writeFile(at, 'x'.repeat(10_000)), 'it is not a SQLite database'],
    [
      'is of another program',
      (at: string) => Promise.resolve(execFileSync(process.execPath, ['-e', createForeign(at)])),
      'it is not a store of remedyd',
    ],
    [
      'is of an older version',
      async (at: string) => {
        await store.close();
        await copyFile(path, at);
        const database = new DatabaseSync(at);
        database.exec('pragma user_version = 1');
        database.close();
      },
      'start the daemon once',
    ],
  ] as const)('says so of a file that %s', async (_what, make, message) => {
    const at = join(directory, 'other.db');
    await make(at);
    const { code, stderr } = await check(at);
    expect(code).toBe(1);
    expect(stderr).toContain(`remedyd: store ${at}: `);
    expect(stderr).toContain(message);
  });

  function createForeign(at: string): string {
    return `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(at)}).exec('create table t (a)')`;
  }
});
