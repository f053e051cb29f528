import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { HAS_TRANSIENT_NAME, type Index } from './find-indexes.ts';
import { withPostgresSession, type PostgresSession, type SessionContext } from './postgres-session.ts';

const LONGEST_CLEANUP_MS = 5_000;
// Whoever works on the table waits behind us for so long.
const LOCK_TIMEOUT_MS = 2_000;

const unfinished = z.object({ name: z.string(), lock_table: z.string().nullable(), drop_index: z.string() });

export interface Cleanup {
  /** Names of the indexes that were dropped. */
  readonly dropped: readonly string[];
  /** Empty, or what a person has to do, in one sentence. */
  readonly left: string;
}

/**
 * Drops what an interrupted REINDEX CONCURRENTLY of `index` has left: invalid indexes of the same table, with its name and
 * `_ccnew` or `_ccold` behind it, that are not in `known`, those of before. Also after an abort, so its time is its own: five
 * seconds. It never rejects. https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY
 */
export async function dropUnfinishedIndexes(
  context: Pick<SessionContext, 'connection' | 'clock'>,
  index: Index,
  known: readonly number[],
): Promise<Cleanup> {
  const { connection, clock } = context;
  using limit = clock.timeout(LONGEST_CLEANUP_MS);
  const own: SessionContext = { connection, clock, signal: limit.signal, timeoutMs: LONGEST_CLEANUP_MS };
  try {
    const dropped = await withPostgresSession(own, (session) => dropIn(session, index, known), {
      mode: 'read_write',
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    });
    return { dropped, left: '' };
  } catch (error) {
    const why = error instanceof StepError ? error.message : 'internal error';
    return {
      dropped: [],
      left: `look for an invalid index ${index.schema}.${index.name}_ccnew or _ccold and DROP INDEX CONCURRENTLY it, it could not be dropped: ${why}`,
    };
  }
}

/** The names of what a rebuild of `index` has left, if anything. */
export async function findUnfinished(
  session: PostgresSession,
  { schema, table, name }: Index,
  known: readonly number[],
): Promise<readonly z.infer<typeof unfinished>[]> {
  return session.read(
    unfinished,
    `SELECT namespace.nspname || '.' || indexed.relname AS name,
       CASE relation.relkind WHEN 'r'
         THEN format('LOCK TABLE %I.%I IN SHARE UPDATE EXCLUSIVE MODE', namespace.nspname, relation.relname) END AS lock_table,
       format('DROP INDEX %I.%I', namespace.nspname, indexed.relname) AS drop_index
     FROM pg_index AS entry JOIN pg_class AS indexed ON indexed.oid = entry.indexrelid
       JOIN pg_class AS relation ON relation.oid = entry.indrelid
       JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
     WHERE NOT entry.indisvalid AND namespace.nspname = $1 AND relation.relname = $2
       AND ${HAS_TRANSIENT_NAME} AND starts_with($3, regexp_replace(indexed.relname, '_cc(new|old)[0-9]*$', ''))
       AND indexed.oid <> ALL ($4::oid[])`,
    [schema, table, name, known],
  );
}

async function dropIn(session: PostgresSession, index: Index, known: readonly number[]): Promise<readonly string[]> {
  const [before] = await findUnfinished(session, index, known);
  if (before === undefined) return [];
  // A rebuild that is still under way, ours or another's, holds this lock: what is invalid once we have it is left over.
  if (before.lock_table !== null) await session.change(z.unknown(), before.lock_table);
  const left = await findUnfinished(session, index, known);
  for (const { drop_index } of left) await session.change(z.unknown(), drop_index);
  return left.map(({ name }) => name);
}
