import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { Plan, StepContext } from '../../domain/remediation.ts';
import { findTables, nameOf, TABLE_PARAMS, type Table, type TableFilter } from './find-tables.ts';
import { MAY_MAINTAIN } from './maintenance-rights.ts';
import { isLockTimeout } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';

const LONGEST_LIST = 100;

const VERBS = { vacuum: 'VACUUM', vacuum_analyze: 'VACUUM (ANALYZE)', analyze: 'ANALYZE' } as const;

/** What is done to each table. */
export type TableWork = keyof typeof VERBS;

export interface TablesData {
  readonly [key: string]: Json;
  readonly work: TableWork;
  readonly tables: readonly Table[];
  readonly matching: number;
  readonly lockTimeoutMs: number;
}

/** The parameters of work on tables. */
export const TABLE_WORK_PARAMS = {
  ...TABLE_PARAMS,
  limit: {
    type: 'int',
    default: 1_000,
    min: 1,
    max: 10_000,
    description: 'The most tables, those with the most dead rows first; the rest is `remaining`',
  },
  lock_timeout: {
    type: 'duration',
    default: '5s',
    min: 10,
    max: 600_000,
    description: 'How long to wait for a table that another session has locked',
  },
} as const;

/** The outputs of work on tables besides its count. */
export const TABLE_WORK_OUTPUTS = {
  remaining: { type: 'int', description: 'Tables that match and were left because of `limit`' },
  tables: { type: 'list', description: `Names of the tables that were done, as schema.name; at most ${LONGEST_LIST}` },
  skipped: {
    type: 'list',
    description: `Tables that were not done: table, reason (gone: dropped, renamed or taken away since the plan; locked); at most ${LONGEST_LIST}`,
  },
  took: { type: 'duration', description: 'How long it all took' },
} as const;

interface TableWorkParameters {
  readonly table?: string;
  readonly schema?: string;
  readonly limit: number;
  readonly lock_timeout: number;
}

/** Finds the tables that the parameters name. */
export function planTableWork(
  work: TableWork,
  params: TableWorkParameters,
  context: StepContext<'postgres'>,
): Promise<Plan<TablesData>> {
  const { name } = context.connection;
  const filter: TableFilter = { table: params.table ?? null, schema: params.schema ?? null };
  return withPostgresSession(context, async (session) => {
    const { tables, matching } = await findTables(session, filter, params.limit, name);
    const [first] = tables;
    const what = params.table !== undefined && first !== undefined ? nameOf(first) : `${tables.length} of ${matching} tables`;
    return {
      summary: `${VERBS[work]} ${what} of PostgreSQL "${name}"`,
      identity: { connection: name, work, ...filter, limit: params.limit },
      touches: [`postgres:${name}`],
      count: tables.length,
      data: { work, tables, matching, lockTimeoutMs: params.lock_timeout },
    };
  });
}

export interface TableWorkResult {
  readonly done: number;
  readonly remaining: number;
  readonly tables: readonly string[];
  readonly skipped: readonly JsonObject[];
  readonly took: number;
}

/** Works through the planned tables one by one. Among several, one that stays locked is skipped; a single one is the step's failure. */
export async function runTableWork(plan: Plan<TablesData>, context: StepContext<'postgres'>): Promise<TableWorkResult> {
  const { work, tables, matching, lockTimeoutMs } = plan.data;
  const startedAt = context.clock.monotonic();
  const done: string[] = [];
  const skipped: JsonObject[] = [];
  const workThrough = async (session: PostgresSession): Promise<void> => {
    for (const table of tables) {
      const reason = await workOn(session, work, table, tables.length > 1);
      if (reason === undefined) done.push(nameOf(table));
      else skipped.push({ table: nameOf(table), reason });
    }
  };
  await withPostgresSession(context, workThrough, { mode: 'autocommit', lockTimeoutMs });
  return {
    done: done.length,
    remaining: matching - tables.length,
    tables: done.slice(0, LONGEST_LIST),
    skipped: skipped.slice(0, LONGEST_LIST),
    took: Math.round(context.clock.monotonic() - startedAt),
  };
}

/** Returns why the table was skipped. */
async function workOn(
  session: PostgresSession,
  work: TableWork,
  { schema, name, oid }: Table,
  maySkip: boolean,
): Promise<'gone' | 'locked' | undefined> {
  // The server writes the names into the statement, and only those of the very table that was planned. VACUUM itself would
  // pass over a table without the right to it, with a warning.
  const [row] = await session.read(
    z.object({ statement: z.string() }),
    `SELECT format('${VERBS[work]} %I.%I', namespace.nspname, relation.relname) AS statement
     FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
     WHERE relation.oid = $1::oid AND namespace.nspname = $2 AND relation.relname = $3 AND ${MAY_MAINTAIN}`,
    [oid, schema, name],
  );
  if (row === undefined) return 'gone';
  try {
    await session.change(z.unknown(), row.statement);
    return undefined;
  } catch (error) {
    if (maySkip && isLockTimeout(error)) return 'locked';
    throw error;
  }
}
