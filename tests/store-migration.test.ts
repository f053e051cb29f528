import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SystemClock } from '../src/domain/system-clock.ts';
import { MIGRATIONS } from '../src/store/migrations/index.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { SQLITE_DDL } from '../src/store/sqlite/sqlite-dialect.ts';
import { auditEntryOf, changesOf, entryOf, incidentOf, notificationOf, runOf, scheduleOf } from './support/store-rows.ts';

/** The columns of an incident that version 1 did not have. */
const NEW_COLUMNS = ['next_rung', 'rung_held_since', 'response_missed', 'update_due_at', 'fields'];

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remedyd-migration-'));
  path = join(directory, 'remedyd.db');
});

afterEach(() => rm(directory, { recursive: true }));

async function openStore(): Promise<SqliteStore> {
  const store = new SqliteStore({ path, clock: new SystemClock() });
  await store.open();
  return store;
}

/** Take away what each version after the first has brought. */
const UNDO: readonly ((database: DatabaseSync) => void)[] = [
  (database) => {
    for (const table of ['approval', 'notification', 'audit', 'request']) database.exec(`drop table "${table}"`);
    for (const column of NEW_COLUMNS) database.exec(`alter table "incident" drop column "${column}"`);
  },
  (database) => database.exec('drop table "schedule"'),
];

/** What an earlier version left behind: its tables, and in them these rows of a store of this version. */
async function writeVersion(version: number, fill: (store: SqliteStore) => Promise<void>): Promise<void> {
  const store = await openStore();
  await fill(store);
  await store.close();
  const database = new DatabaseSync(path);
  for (const undo of UNDO.slice(version - 1).toReversed()) undo(database);
  database.exec(`pragma user_version = ${version}`);
  const schema = (from: DatabaseSync) =>
    from
      .prepare(`select name, tbl_name, type from sqlite_schema where name not like 'sqlite_%' order by name`)
      .all()
      .map((row) => ({ ...row }));
  const earlier = new DatabaseSync(':memory:');
  for (const migrate of MIGRATIONS.slice(0, version)) for (const statement of migrate(SQLITE_DDL)) earlier.exec(statement);
  expect(schema(database)).toEqual(schema(earlier));
  earlier.close();
  database.close();
}

describe('a store of version 1', () => {
  it('keeps its rows and can do what this version can', async () => {
    await writeVersion(1, (store) =>
      store.transact((tx) =>
        tx.save(
          changesOf({
            incidents: [incidentOf('inc-1', { nextRung: 9 }), incidentOf('inc-2')],
            runs: [runOf('run-1', { incidentId: 'inc-1', state: 'held', reason: 'delay' })],
            timeline: [entryOf({ incidentId: 'inc-1', text: 'as it was' })],
          }),
        ),
      ),
    );
    const store = await openStore();
    expect(await store.incidentDetail('inc-1')).toMatchObject({
      incident: incidentOf('inc-1'),
      runs: [runOf('run-1', { incidentId: 'inc-1', state: 'held', reason: 'delay' })],
      timeline: [{ text: 'as it was', position: 1 }],
      approvals: [],
    });
    await store.transact((tx) =>
      tx.save(
        changesOf({
          incidents: [incidentOf('inc-2', { nextRung: 2, responseMissed: true, fields: { impact: 'none' } })],
          notifications: [notificationOf('inc-1')],
          told: ['inc-1'],
          audit: [auditEntryOf()],
        }),
      ),
    );
    await store.close();
    const again = await openStore();
    expect((await again.incidentDetail('inc-2'))?.incident).toEqual(
      incidentOf('inc-2', { nextRung: 2, responseMissed: true, fields: { impact: 'none' } }),
    );
    expect(await again.dueNotifications(1, 9)).toMatchObject({ due: [{ notification: { wanted: 2 } }] });
    expect(await again.checkAudit()).toMatchObject({ entries: 1 });
    await again.close();
  });
});

describe('a store of version 2', () => {
  it('keeps its rows and can do what this version can', async () => {
    const scheduled = runOf('run-1', { incidentId: 'inc-1' });
    await writeVersion(2, (store) =>
      store.transact((tx) => tx.save(changesOf({ incidents: [incidentOf('inc-1', { nextRung: 2 })], runs: [scheduled] }))),
    );
    const store = await openStore();
    expect(await store.incidentDetail('inc-1')).toMatchObject({ incident: { nextRung: 2 }, runs: [scheduled] });
    expect(await store.schedules('rule')).toEqual([]);
    await store.transact((tx) => tx.save(changesOf({ schedules: [scheduleOf('backup', { nextAt: 9 })] })));
    expect(await store.due(9, 1)).toMatchObject({ isScheduleDue: true });
    await store.close();
  });
});

describe.each([1, 2])('a store of version %i', (version) => {
  it('has the same tables afterwards as a new store', async () => {
    await writeVersion(version, () => Promise.resolve());
    await (await openStore()).close();
    const tables = (at: string) => {
      const database = new DatabaseSync(at);
      const columns = database
        .prepare(
          `select s.name as "table", c.name, c.type, c."notnull", c.dflt_value, c.pk
           from sqlite_schema s, pragma_table_info(s.name) c where s.type = 'table' order by 1, c.cid`,
        )
        .all();
      const others = database.prepare(`select type, name, sql from sqlite_schema where type <> 'table' order by name`).all();
      database.close();
      return [...columns, ...others].map((row) => ({ ...row }));
    };
    const migrated = tables(path);
    await rm(path);
    await (await openStore()).close();
    expect(migrated).toEqual(tables(path));
  });
});
