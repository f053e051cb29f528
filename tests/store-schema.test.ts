import { DatabaseSync } from 'node:sqlite';
import { MIGRATIONS } from '../src/store/migrations/index.ts';
import type { PreparedQuery } from '../src/store/queries/prepared-query.ts';
import { createStoreQueries } from '../src/store/queries/store-queries.ts';
import { TABLES } from '../src/store/rows.ts';
import { createSqliteDialect, SQLITE_DDL } from '../src/store/sqlite/sqlite-dialect.ts';

/** What reads all rows by its nature, or a table that is small. */
const READS_WHOLE_TABLE = new Set([
  'runs.idsInState',
  'daemon.switches',
  'daemon.allBreakers',
  'daemon.countOpenBreakers',
  'daemon.quarantined',
  'prune.deleteRuleSnapshots',
  'prune.deleteQuarantined',
]);
/** Partial indexes that hold only what is wanted, so that they may be walked from end to end. */
const WALKED_INDEXES = ['incident_open', 'run_live', 'episode_firing', 'notification_owed', 'notification_dead'];

let database: DatabaseSync;

beforeAll(() => {
  database = new DatabaseSync(':memory:');
  for (const statement of MIGRATIONS.flatMap((migrate) => migrate(SQLITE_DDL))) database.exec(statement);
});

afterAll(() => {
  database.close();
});

describe('the tables of the migrations', () => {
  it.each(TABLES.map((table) => [table.name, table] as const))(
    '%s has the columns and the key that its rows have',
    (name, table) => {
      const columns = database.prepare('select name, pk from pragma_table_info(?) order by cid').all(name);
      const own = columns.filter(({ name: column }) => table.key.length > 0 || column !== 'position');
      expect(own.map(({ name: column }) => column)).toEqual(table.columns);
      const key = columns.filter(({ pk }) => pk !== 0).map(({ name: column }) => column);
      expect(key.sort()).toEqual(table.key.length === 0 ? ['position'] : [...table.key].sort());
    },
  );
});

describe('the queries', () => {
  it.each(listQueries())('%s finds its rows by an index', (name, sql) => {
    const details = database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
    const scans = details.filter((detail) => TABLES.some((table) => detail.startsWith(`SCAN ${table.name}`)));
    const long = scans.filter((scan) => !WALKED_INDEXES.some((index) => scan.endsWith(`INDEX ${index}`)));
    expect(long.length > 0).toBe(READS_WHOLE_TABLE.has(name));
  });

  function listQueries(): (readonly [string, string])[] {
    const { episodes, incidents, runs, claims, approvals, notifications, audit, daemon, wake, prune } =
      createStoreQueries(createSqliteDialect());
    return Object.entries({ episodes, incidents, runs, claims, approvals, notifications, audit, daemon, wake, prune }).flatMap(
      ([group, queries]) =>
        Object.entries<Pick<PreparedQuery<never, unknown>, 'sql'>>({ ...queries }).map(
          ([name, { sql }]) => [`${group}.${name}`, sql] as const,
        ),
    );
  }
});
