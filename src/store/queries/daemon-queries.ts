import { cellAt, integer, text } from '../column.ts';
import type { Breaker } from '../../domain/state.ts';
import { breakers, heartbeats, quarantined, ruleSnapshots, switches } from '../rows.ts';
import type { HeartbeatRow, RuleSnapshotRow, SwitchesRow } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** An unreadable alert for people: its payload as JSON text. */
export interface QuarantinedView {
  readonly receivedAt: number;
  readonly source: string;
  readonly reason: string;
  readonly payload: string;
}

/** What is not of one alert: breakers, switches, the sign of life, rules as they were, alerts that nobody could read. */
export interface DaemonQueries {
  readonly breakers: PreparedQuery<{ readonly rules: readonly string[] }, Breaker>;
  readonly allBreakers: PreparedQuery<object, Breaker>;
  readonly countOpenBreakers: PreparedQuery<object, number>;
  readonly switches: PreparedQuery<object, SwitchesRow>;
  readonly heartbeat: PreparedQuery<{ readonly id: string }, HeartbeatRow>;
  readonly ruleSnapshots: PreparedQuery<{ readonly digests: readonly string[] }, RuleSnapshotRow>;
  readonly quarantined: PreparedQuery<{ readonly limit: number }, QuarantinedView>;
}

export function createDaemonQueries({ builder, texts }: StoreDialect): DaemonQueries {
  return {
    breakers: prepareQuery(
      { rules: 'texts' },
      ({ rules }) => builder.selectFrom('breaker').select(breakers.columns).where('rule', 'in', texts(rules)),
      breakers.decode,
    ),
    allBreakers: prepareQuery({}, () => builder.selectFrom('breaker').select(breakers.columns).orderBy('rule'), breakers.decode),
    countOpenBreakers: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('breaker')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('opened_at', 'is not', null),
      (row) => integer.decode(cellAt(row, 0)),
    ),
    switches: prepareQuery({}, () => builder.selectFrom('switches').select(switches.columns), switches.decode),
    heartbeat: prepareQuery(
      { id: 'text' },
      ({ id }) => builder.selectFrom('heartbeat').select(heartbeats.columns).where('id', '=', id),
      heartbeats.decode,
    ),
    ruleSnapshots: prepareQuery(
      { digests: 'texts' },
      ({ digests }) => builder.selectFrom('rule_snapshot').select(ruleSnapshots.columns).where('digest', 'in', texts(digests)),
      ruleSnapshots.decode,
    ),
    quarantined: prepareQuery(
      { limit: 'integer' },
      ({ limit }) => builder.selectFrom('quarantined').select(quarantined.columns).orderBy('position', 'desc').limit(limit),
      (row) => ({
        receivedAt: integer.decode(cellAt(row, 0)),
        source: text.decode(cellAt(row, 1)),
        reason: text.decode(cellAt(row, 2)),
        payload: text.decode(cellAt(row, 3)),
      }),
    ),
  };
}
