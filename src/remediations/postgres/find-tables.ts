import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { MAY_MAINTAIN, MISSING_GRANT, refuseRights } from './maintenance-rights.ts';
import type { PostgresSession } from './postgres-session.ts';

/** Which tables are meant: all of the users', those of a schema, or one, by exact names. */
export interface TableFilter {
  /** `name` or `schema.name`, as the catalogue has it: without quotes, and with its capitals. */
  readonly table: string | null;
  readonly schema: string | null;
}

const table = z.object({ schema: z.string(), name: z.string(), oid: z.int() });
/** A table by its names and by its oid, which tells it from another one that took its names. */
export type Table = z.infer<typeof table>;

const foundTable = table.extend({ may_maintain: z.boolean(), missing_grant: z.string(), matching: z.coerce.number().int() });

export interface FoundTables {
  readonly tables: readonly Table[];
  /** How many match, with those beyond the limit. */
  readonly matching: number;
}

/** Parameters that choose tables; without any, every table of the users is meant. */
export const TABLE_PARAMS = {
  table: {
    type: 'string',
    description: 'One table, as `name` or `schema.name`, by exact name without quotes; default: every table of the database',
  },
  schema: { type: 'string', description: 'Only tables of this schema, by exact name' },
} as const;

/** SQL that is true for the tables of `$1` (`name` or `schema.name`) and `$2` (the schema), given null for "any". */
export const MATCHES_TABLE = `
  namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema' AND relation.relpersistence <> 't'
  AND ($1::text IS NULL OR relation.relname = $1 OR namespace.nspname || '.' || relation.relname = $1)
  AND ($2::text IS NULL OR namespace.nspname = $2)`;

/**
 * The first `limit` tables, those with the most dead rows first; a partitioned one only by its name, as it stands for its
 * partitions. Fails with `not_found` when the named one is not there, with `invalid_value` when several have that name, and
 * with `permission_denied` when the role may not maintain one of them.
 */
export async function findTables(
  session: PostgresSession,
  filter: TableFilter,
  limit: number,
  connection: string,
): Promise<FoundTables> {
  const rows = await session.read(
    foundTable,
    `SELECT namespace.nspname AS schema, relation.relname AS name, relation.oid, ${MAY_MAINTAIN} AS may_maintain,
       ${MISSING_GRANT} AS missing_grant, count(*) OVER () AS matching
     FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
       LEFT JOIN pg_stat_all_tables AS stat ON stat.relid = relation.oid
     WHERE ${MATCHES_TABLE} AND (relation.relkind IN ('r', 'm') OR relation.relkind = 'p' AND $1 IS NOT NULL)
     ORDER BY stat.n_dead_tup DESC NULLS LAST, namespace.nspname, relation.relname LIMIT $3`,
    [filter.table, filter.schema, limit],
  );
  requireOneTable(rows, filter, connection);
  const refused = rows.find((row) => !row.may_maintain);
  if (refused !== undefined) throw refuseRights(connection, nameOf(refused), refused.missing_grant);
  return { tables: rows.map((row) => table.parse(row)), matching: rows[0]?.matching ?? 0 };
}

/** Fails when what was named is not there, or is there more than once. */
export function requireOneTable(
  found: readonly { readonly schema: string; readonly name: string }[],
  filter: TableFilter,
  connection: string,
): void {
  const [first, second] = found;
  if (filter.table === null) {
    if (first !== undefined || filter.schema === null) return;
    throw new StepError('not_found', `PostgreSQL "${connection}": the schema "${filter.schema}" has no table here`, {
      happened: 'nothing',
    });
  }
  const place = filter.schema === null ? '' : ` in schema "${filter.schema}"`;
  if (first === undefined) {
    throw new StepError(
      'not_found',
      `PostgreSQL "${connection}": there is no table "${filter.table}"${place} in this database (names are exact, without quotes)`,
      { happened: 'nothing' },
    );
  }
  if (second === undefined) return;
  throw new StepError(
    'invalid_value',
    `PostgreSQL "${connection}": "${filter.table}" is more than one table: ${nameOf(first)}, ${nameOf(second)}; give its schema`,
    { happened: 'nothing' },
  );
}

/** `schema.name`, for people. */
export function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}
