import { cellAt, integer, text } from '../column.ts';
import { breakers, heartbeats, quarantined, ruleSnapshots, switches } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** What is not of one alert: breakers, switches, the sign of life, rules as they were, alerts that nobody could read. */
export function createDaemonQueries({ builder, texts }: StoreDialect) {
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
          .select(({ fn }) => fn.countAll<number>().as('count'))
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
