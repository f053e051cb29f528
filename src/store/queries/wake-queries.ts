import { sql } from 'kysely';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Makes held runs due. */
export interface WakeQueries {
  /** The most urgent ones that are held for this reason. One reason at a time follows the order of `run_live` and stops at the limit. */
  readonly mostUrgent: PreparedQuery<{ readonly reason: string; readonly limit: number; readonly at: number }, undefined>;
  /** All that are pending or held. */
  readonly all: PreparedQuery<{ readonly at: number }, undefined>;
}

export function createWakeQueries({ builder }: StoreDialect): WakeQueries {
  return {
    mostUrgent: prepareQuery(
      { reason: 'text', limit: 'integer', at: 'integer' },
      ({ reason, limit, at }) =>
        builder
          .updateTable('run')
          .set({ wake_at: at })
          .where('id', 'in', (eb) =>
            eb
              .selectFrom('run')
              .select('id')
              .where('state', '<>', sql.lit('ended'))
              .where('state', '=', sql.lit('held'))
              .where('reason', '=', sql<never>`${reason}`)
              .orderBy('severity_rank')
              .orderBy('created_at')
              .limit(limit),
          )
          .where((eb) => eb.or([eb('wake_at', 'is', null), eb('wake_at', '>', at)])),
      () => undefined,
    ),
    all: prepareQuery(
      { at: 'integer' },
      ({ at }) =>
        builder
          .updateTable('run')
          .set({ wake_at: at })
          .where('state', '<>', sql.lit('ended'))
          .where(sql<boolean>`"state" in ('pending', 'held')`)
          .where((eb) => eb.or([eb('wake_at', 'is', null), eb('wake_at', '>', at)])),
      () => undefined,
    ),
  };
}
