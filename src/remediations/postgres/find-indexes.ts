import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { MATCHES_TABLE, nameOf, requireOneTable, type TableFilter } from './find-tables.ts';
import { MAY_REINDEX, MISSING_GRANT, refuseRights } from './maintenance-rights.ts';
import type { PostgresSession } from './postgres-session.ts';

/** Which indexes are meant: all of the users' tables, those of a table or a schema, or one, by exact names. */
export interface IndexFilter extends TableFilter {
  readonly index: string | null;
}

const index = z.object({ schema: z.string(), name: z.string(), table: z.string(), oid: z.int(), filenode: z.int() });
/** An index by its names, by its oid and by its file: a rebuilt one has another file, and after CONCURRENTLY another oid. */
export type Index = z.infer<typeof index>;

const foundIndex = index.extend({
  valid: z.boolean(),
  unfinished: z.boolean(),
  exclusion: z.boolean(),
  may_reindex: z.boolean(),
  missing_grant: z.string(),
});
type FoundIndex = z.infer<typeof foundIndex>;

export interface FoundIndexes {
  readonly indexes: readonly Index[];
  /** How many could be rebuilt, with those beyond the limit. */
  readonly matching: number;
  /** Indexes of exclusion constraints, which PostgreSQL cannot rebuild concurrently. */
  readonly exclusions: readonly Index[];
  /** Those that failed builds have left: no query uses them. */
  readonly invalid: readonly Index[];
}

/** SQL: whether `indexed` has a name that REINDEX CONCURRENTLY gives to an index while it works. */
export const HAS_TRANSIENT_NAME = `indexed.relname ~ '_cc(new|old)[0-9]*$'`;

const FROM_INDEXES = `
  FROM pg_index AS entry JOIN pg_class AS indexed ON indexed.oid = entry.indexrelid AND indexed.relkind = 'i'
    JOIN pg_class AS relation ON relation.oid = entry.indrelid AND relation.relkind IN ('r', 'm')
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace`;
const INDEX_COLUMNS = `
  namespace.nspname AS schema, indexed.relname AS name, relation.relname AS "table", indexed.oid,
  coalesce(pg_relation_filenode(indexed.oid), 0) AS filenode`;

/**
 * The first `limit` indexes, the smallest first (by the catalogue: to measure one would wait for its lock). Fails with `not_found`, with `invalid_value` for a name that several have or
 * an index that cannot be rebuilt in this way, and with `permission_denied` when the role may not rebuild one of them.
 */
export async function findIndexes(
  session: PostgresSession,
  filter: IndexFilter,
  limit: number,
  concurrently: boolean,
  connection: string,
): Promise<FoundIndexes> {
  const tableOid = await findTableOid(session, filter, connection);
  const rows = await session.read(
    foundIndex,
    `SELECT ${INDEX_COLUMNS}, entry.indisvalid AS valid, NOT entry.indisvalid AND ${HAS_TRANSIENT_NAME} AS unfinished,
       entry.indisexclusion AS exclusion, ${MAY_REINDEX} AS may_reindex, ${MISSING_GRANT} AS missing_grant
     ${FROM_INDEXES}
     WHERE ${MATCHES_TABLE}
       AND ($3::oid IS NULL OR relation.oid = $3 OR relation.oid IN (SELECT relid FROM pg_partition_tree($3::oid)))
       AND ($4::text IS NULL OR indexed.relname = $4 OR namespace.nspname || '.' || indexed.relname = $4)
     ORDER BY indexed.relpages, namespace.nspname, indexed.relname`,
    [null, filter.schema, tableOid, filter.index],
  );
  if (filter.index !== null) requireOneIndex(rows, filter.index, concurrently, connection);
  const exclusions = rows.filter((row) => concurrently && row.exclusion);
  const usable = rows.filter((row) => (row.valid || filter.index !== null) && !exclusions.includes(row));
  const indexes = usable.slice(0, limit);
  const refused = indexes.find((row) => !row.may_reindex);
  if (refused !== undefined) throw refuseRights(connection, `the index ${nameOf(refused)}`, refused.missing_grant);
  return {
    indexes: indexes.map((row) => index.parse(row)),
    matching: usable.length,
    exclusions: exclusions.map((row) => index.parse(row)),
    invalid: rows.filter((row) => !row.valid && !usable.includes(row)).map((row) => index.parse(row)),
  };
}

/** The index as it is now; `undefined` when it is gone, or is not that table's any more. */
export async function readIndex(
  session: PostgresSession,
  { schema, name, table }: Index,
): Promise<{ readonly index: Index; readonly bytes: number } | undefined> {
  const [row] = await session.read(
    index.extend({ bytes: z.coerce.number() }),
    `SELECT ${INDEX_COLUMNS}, pg_relation_size(indexed.oid) AS bytes ${FROM_INDEXES}
     WHERE namespace.nspname = $1 AND indexed.relname = $2 AND relation.relname = $3`,
    [schema, name, table],
  );
  return row === undefined ? undefined : { index: index.parse(row), bytes: row.bytes };
}

/** The named table's oid. A partitioned one counts: it stands for its partitions. */
async function findTableOid(session: PostgresSession, filter: TableFilter, connection: string): Promise<number | null> {
  const rows = await session.read(
    z.object({ schema: z.string(), name: z.string(), oid: z.int() }),
    `SELECT namespace.nspname AS schema, relation.relname AS name, relation.oid
     FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
     WHERE ${MATCHES_TABLE} AND relation.relkind IN ('r', 'm', 'p') ORDER BY namespace.nspname LIMIT 2`,
    [filter.table, filter.schema],
  );
  requireOneTable(rows, filter, connection);
  return filter.table === null ? null : (rows[0]?.oid ?? null);
}

function requireOneIndex(rows: readonly FoundIndex[], name: string, concurrently: boolean, connection: string): void {
  const refuse = (code: 'not_found' | 'invalid_value', text: string): StepError =>
    new StepError(code, `PostgreSQL "${connection}": ${text}`, { happened: 'nothing' });
  const [first, second] = rows;
  if (first === undefined) {
    throw refuse('not_found', `there is no index "${name}" on a user's table of this database (names are exact, without quotes)`);
  }
  if (second !== undefined) {
    throw refuse('invalid_value', `"${name}" is more than one index: ${nameOf(first)}, ${nameOf(second)}; give its schema`);
  }
  if (first.unfinished) {
    throw refuse(
      'invalid_value',
      `${nameOf(first)} is what an interrupted rebuild has left: drop it with DROP INDEX CONCURRENTLY`,
    );
  }
  if (concurrently && first.exclusion) {
    throw refuse(
      'invalid_value',
      `${nameOf(first)} belongs to an exclusion constraint, which PostgreSQL cannot rebuild concurrently; use concurrently: false`,
    );
  }
}
