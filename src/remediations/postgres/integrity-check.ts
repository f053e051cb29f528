import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { requireAmcheck, type Amcheck } from './amcheck.ts';
import { MATCHES_TABLE, requireOneTable, type Table } from './find-tables.ts';
import { isLockTimeout, sqlStateOf } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';

const LONGEST_LIST = 100;
/**
 * What reading a damaged file fails with: data corrupted, index corrupted, undefined file, I/O error.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const DAMAGE_STATES = ['XX001', 'XX002', '58P01', '58030'];
const UNDEFINED_TABLE = '42P01';

const part = z.object({ kind: z.enum(['table', 'index']), oid: z.int(), name: z.string() });
/** A table, its TOAST table, or an index of one of them. */
type Part = z.infer<typeof part>;

interface Checked {
  readonly findings: JsonObject[];
  readonly skipped: JsonObject[];
  checked: number;
}

/** Looks for damage in tables and their B-tree indexes. */
export const integrityCheck = defineRemediation({
  name: 'postgres.integrity_check',
  summary: 'Checks tables, their TOAST tables and their B-tree indexes for damage with amcheck, without locking anybody out.',
  notes: [
    'Needs PostgreSQL 14 or later with the extension amcheck in the database (`CREATE EXTENSION amcheck;`, part of the contrib package) and',
    '`GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean), verify_heapam(regclass, boolean, boolean, text, bigint, bigint) TO',
    'remedyd;`. No right to the tables is needed. What is missing is said, with its fix. Who may run amcheck can learn a little about',
    'data that he may not read. It connects to the server itself or through a pooler that pools by session.',
    '',
    'It reads every page of what it checks, so run it where that load is bearable, for instance on a standby. Damage is an output',
    '(`damaged: true`), not a failure of the step. It proves damage, and not that there is none: data that was changed in place',
    'without harm to its structure is not seen, nor other kinds of indexes (GIN, GiST, …). A table that stays locked is `skipped`.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    tables: {
      type: 'list',
      description: 'Names, as `name` or `schema.name`, exact and without quotes; default: all of the database, the largest first',
    },
    limit: { type: 'int', default: 1_000, min: 1, max: 10_000, description: 'The most tables; the rest is `remaining`' },
    lock_timeout: {
      type: 'duration',
      default: '5s',
      min: 10,
      max: 600_000,
      description: 'How long to wait for a table that another session has locked',
    },
    every_row: {
      type: 'bool',
      default: false,
      description: 'Also look for rows that are missing in an index, and into values that are stored apart (slower)',
    },
  },
  outputs: {
    damaged: { type: 'bool', description: 'Whether damage was found' },
    checked: { type: 'int', description: 'Tables, TOAST tables and indexes that were checked' },
    remaining: { type: 'int', description: 'Tables that were left because of `limit`' },
    findings: { type: 'list', description: `Damage: relation, kind (table or index), message; at most ${LONGEST_LIST}` },
    skipped: { type: 'list', description: `Not checked: relation, reason (locked or gone); at most ${LONGEST_LIST}` },
    took: { type: 'duration', description: 'How long it all took' },
  },
  example: { damaged: false, checked: 210, remaining: 0, findings: [], skipped: [], took: 184_000 },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, context) {
    const { name } = context.connection;
    const tables = params.tables === undefined ? null : parseNames(params.tables);
    const what = tables === null ? 'all tables' : tables.join(', ');
    return await Promise.resolve({
      summary: `check ${quoteLine(what)} of PostgreSQL "${name}" for damage`,
      identity: { connection: name, tables, limit: params.limit },
      touches: [],
      data: { tables, limit: params.limit, everyRow: params.every_row, lockTimeoutMs: params.lock_timeout },
    });
  },

  run(plan, context) {
    const { name } = context.connection;
    const { tables: names, limit, everyRow, lockTimeoutMs } = plan.data;
    const startedAt = context.clock.monotonic();
    const check = async (session: PostgresSession) => {
      const amcheck = await requireAmcheck(session, name);
      const tables = names === null ? await findAllTables(session) : await findNamedTables(session, names, name);
      const result: Checked = { findings: [], skipped: [], checked: 0 };
      for (const table of tables.slice(0, limit)) {
        for (const found of await findParts(session, table)) await checkPart(session, amcheck, found, everyRow, result);
      }
      return {
        damaged: result.findings.length > 0,
        checked: result.checked,
        remaining: Math.max(tables.length - limit, 0),
        findings: result.findings.slice(0, LONGEST_LIST),
        skipped: result.skipped.slice(0, LONGEST_LIST),
        took: Math.round(context.clock.monotonic() - startedAt),
      };
    };
    return withPostgresSession(context, check, { mode: 'autocommit', lockTimeoutMs });
  },
});

function parseNames(given: readonly Json[]): readonly string[] {
  const refuse = (code: 'missing_value' | 'invalid_value', text: string): StepError =>
    new StepError(code, `parameter "tables" ${text}`, { happened: 'nothing' });
  if (given.length === 0) throw refuse('missing_value', 'is empty');
  return given.map((name) => {
    if (name === null || name === '') throw refuse('missing_value', 'has an empty name');
    if (typeof name === 'string') return name;
    throw refuse('invalid_value', `has ${JSON.stringify(name)}; expected names`);
  });
}

const tableRow = z.object({ schema: z.string(), name: z.string(), oid: z.int() });

const TABLES = `
  SELECT namespace.nspname AS schema, relation.relname AS name, relation.oid
  FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
  WHERE ${MATCHES_TABLE} AND relation.relkind IN ('r', 'm')
    -- A standby has no data of unlogged tables.
    AND (relation.relpersistence = 'p' OR NOT pg_is_in_recovery())
  ORDER BY relation.relpages DESC, namespace.nspname, relation.relname`;

function findAllTables(session: PostgresSession): Promise<readonly Table[]> {
  return session.read(tableRow, TABLES, [null, null]);
}

async function findNamedTables(
  session: PostgresSession,
  names: readonly string[],
  connection: string,
): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const table of names) {
    const found = await session.read(tableRow, TABLES, [table, null]);
    requireOneTable(found, { table, schema: null }, connection);
    tables.push(...found);
  }
  return tables;
}

function findParts(session: PostgresSession, { oid }: Table): Promise<readonly Part[]> {
  return session.read(
    part,
    `WITH heap AS (
       SELECT oid FROM pg_class WHERE oid = $1::oid OR oid = (SELECT reltoastrelid FROM pg_class WHERE oid = $1::oid)
     )
     SELECT 'table' AS kind, oid, oid::regclass::text AS name FROM heap
     UNION ALL
     SELECT 'index', entry.indexrelid, entry.indexrelid::regclass::text
     FROM heap JOIN pg_index AS entry ON entry.indrelid = heap.oid AND entry.indisvalid AND entry.indisready
       JOIN pg_class AS indexed ON indexed.oid = entry.indexrelid
       JOIN pg_am AS method ON method.oid = indexed.relam AND method.amname = 'btree'
     ORDER BY kind DESC, name`,
    [oid],
  );
}

async function checkPart(
  session: PostgresSession,
  amcheck: Amcheck,
  { kind, oid, name }: Part,
  everyRow: boolean,
  result: Checked,
) {
  const report = (message: string): void => void result.findings.push({ relation: name, kind, message: quoteLine(message) });
  try {
    const messages =
      kind === 'index' ? await amcheck.checkIndex(session, oid, everyRow) : await amcheck.checkTable(session, oid, everyRow);
    messages.forEach(report);
    result.checked += 1;
  } catch (error) {
    if (isLockTimeout(error)) {
      result.skipped.push({ relation: name, reason: 'locked' });
    } else if (sqlStateOf(error) === UNDEFINED_TABLE) {
      result.skipped.push({ relation: name, reason: 'gone' });
    } else if (error instanceof StepError && DAMAGE_STATES.includes(sqlStateOf(error))) {
      report(error.message);
      result.checked += 1;
    } else {
      throw error;
    }
  }
}
