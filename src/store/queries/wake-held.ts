import { sql } from 'kysely';
import { prepareQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Makes held runs due. */
export function createWakeQueries({ builder }: StoreDialect) {
  return {
    /** The most urgent ones that are held for this reason. One reason at a time follows the order of `run_live` and stops at the limit. */
    mostUrgent: prepareQuery(
      { reason: 'text', limit: 'integer', at: 'integer' },
      ({ reason, limit, at }) =>
        builder
          .updateTable('run')
          .set({ wake_at: at })
          .where('id', 'in', ({ selectFrom }) =>
            selectFrom('run')
              .select('id')
              .where('state', '<>', sql.lit('ended'))
              .where('state', '=', sql.lit('held'))
              .where('reason', '=', sql<never>`${reason}`)
              .orderBy('severity_rank')
              .orderBy('created_at')
              .limit(limit),
          )
          .where(({ or, eb }) => or([eb('wake_at', 'is', null), eb('wake_at', '>', at)])),
      () => undefined,
    ),
    /** All that are pending or held. */
    all: prepareQuery(
      { at: 'integer' },
      ({ at }) =>
        builder
          .updateTable('run')
          .set({ wake_at: at })
          .where('state', '<>', sql.lit('ended'))
          .where(sql<boolean>`"state" in ('pending', 'held')`)
          .where(({ or, eb }) => or([eb('wake_at', 'is', null), eb('wake_at', '>', at)])),
      () => undefined,
    ),
  };
}
