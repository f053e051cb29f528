import { sql } from 'kysely';
import type { ScheduleState } from '../../domain/state.ts';
import { cellAt, integer, nullable } from '../column.ts';
import { schedules } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** What is due by the clock. */
export interface ScheduleQueries {
  readonly ofKind: PreparedQuery<{ readonly kind: string }, ScheduleState>;
  /** When the first tick of any rule is due. */
  readonly nextOfRules: PreparedQuery<object, number | null>;
  readonly removeRules: PreparedQuery<{ readonly names: readonly string[] }, undefined>;
}

export function createScheduleQueries({ builder, texts }: StoreDialect): ScheduleQueries {
  return {
    ofKind: prepareQuery(
      { kind: 'text' },
      ({ kind }) =>
        builder
          .selectFrom('schedule')
          .select(schedules.columns)
          .where('kind', '=', sql<never>`${kind}`)
          .orderBy('name'),
      schedules.decode,
    ),
    nextOfRules: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('schedule')
          .select((eb) => eb.fn.min('next_at').as('at'))
          .where('kind', '=', sql.lit('rule')),
      (row) => nullable(integer).decode(cellAt(row, 0)),
    ),
    removeRules: prepareQuery(
      { names: 'texts' },
      ({ names }) => builder.deleteFrom('schedule').where('kind', '=', sql.lit('rule')).where('name', 'in', texts(names)),
      () => undefined,
    ),
  };
}
