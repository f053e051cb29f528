import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError, type StepContext } from '../../domain/remediation.ts';
import { dropUnfinishedIndexes, findUnfinished } from './drop-unfinished-indexes.ts';
import { findIndexes, readIndex, type Index, type IndexFilter } from './find-indexes.ts';
import { nameOf } from './find-tables.ts';
import { isLockTimeout } from './postgres-error.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';

const LONGEST_LIST = 100;
/** Rebuilding concurrently waits in turn for each older transaction, but nobody queues up behind it. */
const CONCURRENT_LOCK_TIMEOUT_MS = 300_000;
const LOCK_TIMEOUT_MS = 5_000;

interface ReindexData {
  readonly [key: string]: Json;
  readonly concurrently: boolean;
  readonly indexes: readonly Index[];
  readonly matching: number;
  /** Names of indexes of exclusion constraints. */
  readonly exclusions: readonly string[];
  /** Names and oids of the indexes that were invalid before. */
  readonly invalid: readonly string[];
  readonly known: readonly number[];
  readonly lockTimeoutMs: number;
}

/** What has become of the indexes so far. */
interface Progress {
  readonly done: string[];
  readonly skipped: JsonObject[];
  readonly dropped: string[];
  readonly left: string[];
  freedBytes: number;
  /** The one that is being rebuilt. */
  current: Index | undefined;
}

/** Builds indexes anew. */
export const reindex = defineRemediation({
  name: 'postgres.reindex',
  summary: 'Rebuilds one index, those of a table, or all of the database, without locking out writers.',
  notes: [
    "Needs a role that owns the tables or is a member of their owners' roles: `GRANT app TO remedyd;`. Owning the database does not",
    'suffice. PostgreSQL 17 and later: `GRANT MAINTAIN ON TABLE … TO remedyd;`, but dropping what an interrupted rebuild left needs the',
    'owner all the same. A missing grant is `permission_denied` and names it. It connects to the server itself or through a pooler that',
    'pools by session: REINDEX CONCURRENTLY cannot run in a transaction.',
    '',
    'One index at a time, the smallest first; each needs room on the disk for a second copy. Concurrently, it waits for every transaction',
    'that is older than it; with `concurrently: false` writers of the table, and queries that use the index, wait until it is done.',
    'Indexes of system catalogues, of temporary and of TOAST tables are left out; so are, concurrently, those of exclusion constraints.',
    '',
    'An interrupted concurrent rebuild leaves an invalid index (`…_ccnew`, `…_ccold`). After a failure or an abort the step drops those',
    'that were not there when it was planned, and says so (`dropped`, or in its error); for that it locks the table for a moment, and',
    'gives up after 2s, naming what is left. Invalid indexes of before are only reported (`invalid`), because somebody else may be building',
    'them. So are those that a crash of remedyd left: a repetition plans anew, and cannot tell them from others. Drop them by hand.',
    'A repetition leaves out the indexes that were rebuilt since the plan.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    table: { type: 'string', description: 'All indexes of this table, as `name` or `schema.name`, by exact name without quotes' },
    index: { type: 'string', description: 'Only this index, as `name` or `schema.name`, by exact name without quotes' },
    schema: { type: 'string', description: 'Only indexes of this schema, by exact name' },
    concurrently: { type: 'bool', default: true, description: 'Let reads and writes go on meanwhile' },
    limit: { type: 'int', default: 1_000, min: 1, max: 10_000, description: 'The most indexes; the rest is `remaining`' },
    lock_timeout: {
      type: 'duration',
      min: 10,
      max: 86_400_000,
      description: 'How long to wait each time for a lock or an older transaction; default 5m, or 5s when not concurrently',
    },
  },
  outputs: {
    reindexed: { type: 'int', description: 'Indexes that were rebuilt' },
    remaining: { type: 'int', description: 'Indexes that match and were left because of `limit`' },
    indexes: { type: 'list', description: `Names of the rebuilt ones, as schema.name; at most ${LONGEST_LIST}` },
    skipped: {
      type: 'list',
      description: `Not rebuilt: index, reason (changed: gone or rebuilt since the plan; locked; exclusion_constraint); at most ${LONGEST_LIST}`,
    },
    freed_bytes: { type: 'bytes', description: 'By how much the rebuilt ones have become smaller; 0 when they have not' },
    dropped: { type: 'list', description: `Unfinished indexes of this step that were dropped; at most ${LONGEST_LIST}` },
    left: {
      type: 'list',
      description: `What of this step could not be dropped, and what to do about it; at most ${LONGEST_LIST}`,
    },
    invalid: { type: 'list', description: `Invalid indexes of before, which were not touched; at most ${LONGEST_LIST}` },
    took: { type: 'duration', description: 'How long it all took' },
  },
  example: {
    reindexed: 1,
    remaining: 0,
    indexes: ['public.orders_pkey'],
    skipped: [],
    freed_bytes: 73_400_320,
    dropped: [],
    left: [],
    invalid: [],
    took: 8_200,
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan(params, context) {
    const { name } = context.connection;
    const { concurrently, limit } = params;
    if (params.table !== undefined && params.index !== undefined) {
      throw new StepError('invalid_value', 'give `table` or `index`, not both', { happened: 'nothing' });
    }
    const filter: IndexFilter = {
      table: params.table ?? null,
      schema: params.schema ?? null,
      index: params.index ?? null,
    };
    return await withPostgresSession(context, async (session) => {
      const { indexes, matching, exclusions, invalid } = await findIndexes(session, filter, limit, concurrently, name);
      const [first] = indexes;
      const what =
        params.index !== undefined && first !== undefined
          ? `index ${nameOf(first)}`
          : `${indexes.length} of ${matching} indexes${params.table === undefined ? '' : ` of ${params.table}`}`;
      const data: ReindexData = {
        concurrently,
        indexes,
        matching,
        exclusions: exclusions.map(nameOf).slice(0, LONGEST_LIST),
        invalid: invalid.map(nameOf).slice(0, LONGEST_LIST),
        known: invalid.map(({ oid }) => oid),
        lockTimeoutMs: params.lock_timeout ?? (concurrently ? CONCURRENT_LOCK_TIMEOUT_MS : LOCK_TIMEOUT_MS),
      };
      return {
        summary: `rebuild ${what} of PostgreSQL "${name}"${concurrently ? ' concurrently' : ', while its writers wait'}`,
        identity: { connection: name, ...filter, concurrently, limit },
        touches: [`postgres:${name}`],
        count: indexes.length,
        data,
      };
    });
  },

  async run(plan, context) {
    const { data } = plan;
    const startedAt = context.clock.monotonic();
    const progress: Progress = { done: [], skipped: [], dropped: [], left: [], freedBytes: 0, current: undefined };
    try {
      await withPostgresSession(context, (session) => rebuildAll(session, data, progress, context), {
        mode: 'autocommit',
        lockTimeoutMs: data.lockTimeoutMs,
      });
    } catch (error) {
      throw await cleanUpAfter(error, data, progress, context);
    }
    const exclusions = data.exclusions.map((index) => ({ index, reason: 'exclusion_constraint' }));
    return {
      reindexed: progress.done.length,
      remaining: data.matching - data.indexes.length,
      indexes: progress.done.slice(0, LONGEST_LIST),
      skipped: [...progress.skipped, ...exclusions].slice(0, LONGEST_LIST),
      freed_bytes: Math.max(progress.freedBytes, 0),
      dropped: progress.dropped.slice(0, LONGEST_LIST),
      left: progress.left.slice(0, LONGEST_LIST),
      invalid: data.invalid,
      took: Math.round(context.clock.monotonic() - startedAt),
    };
  },
});

async function rebuildAll(
  session: PostgresSession,
  data: ReindexData,
  progress: Progress,
  context: StepContext<'postgres'>,
): Promise<void> {
  const cleanUp = async (index: Index): Promise<void> => {
    const { dropped, left } = await dropUnfinishedIndexes(context, index, data.known);
    progress.dropped.push(...dropped);
    if (left !== '') progress.left.push(left);
  };
  for (const index of data.indexes) {
    progress.current = index;
    const skip = (reason: 'changed' | 'locked'): void => void progress.skipped.push({ index: nameOf(index), reason });
    if (data.concurrently && (await findUnfinished(session, index, data.known)).length > 0) await cleanUp(index);
    try {
      const freedBytes = await rebuild(session, index, data.concurrently);
      if (freedBytes === undefined) {
        skip('changed');
        continue;
      }
      progress.done.push(nameOf(index));
      progress.freedBytes += freedBytes;
    } catch (error) {
      if (data.indexes.length === 1 || !isLockTimeout(error)) throw error;
      skip('locked');
      if (data.concurrently) await cleanUp(index);
    }
  }
  progress.current = undefined;
}

/** Returns by how many bytes the index has become smaller; `undefined` when it is not the planned one any more. */
async function rebuild(session: PostgresSession, planned: Index, concurrently: boolean): Promise<number | undefined> {
  const before = await readIndex(session, planned);
  if (before?.index.oid !== planned.oid || before.index.filenode !== planned.filenode) return undefined;
  const [row] = await session.read(
    z.object({ statement: z.string() }),
    `SELECT format('REINDEX INDEX ${concurrently ? 'CONCURRENTLY ' : ''}%I.%I', $1::text, $2::text) AS statement`,
    [planned.schema, planned.name],
  );
  if (row === undefined) return undefined;
  await session.change(z.unknown(), row.statement);
  const after = await readIndex(session, planned);
  return before.bytes - (after?.bytes ?? before.bytes);
}

/** The failure to report, after what the interrupted rebuild has left was dropped, or with what there is to do by hand. */
async function cleanUpAfter(
  error: unknown,
  data: ReindexData,
  { current, done }: Progress,
  context: StepContext<'postgres'>,
): Promise<unknown> {
  if (!(error instanceof StepError) || current === undefined) return error;
  const cleanup = data.concurrently ? await dropUnfinishedIndexes(context, current, data.known) : { dropped: [], left: '' };
  const parts = [
    `${error.message}, at the index ${nameOf(current)} (${done.length} of ${data.indexes.length} rebuilt)`,
    ...(cleanup.dropped.length === 0 ? [] : [`its unfinished copy ${cleanup.dropped.join(', ')} was dropped`]),
    ...(cleanup.left === '' ? [] : [cleanup.left]),
  ];
  return new StepError(error.code, parts.join('; '), { happened: error.happened, cause: error.cause });
}
