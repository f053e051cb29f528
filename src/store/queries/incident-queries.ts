import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { INCIDENT_STATUSES } from '../../domain/state.ts';
import type { Incident, Line, StoredTimelineEntry } from '../../domain/state.ts';
import type { LineFacts, StoreCounts } from '../../domain/store.ts';
import { cellAt, integer, nullable, text, word } from '../column.ts';
import type { Row } from '../column.ts';
import { incidents, lines } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';
import { decodeStoredTimeline, STORED_TIMELINE } from './timeline-columns.ts';

/** Incidents, their lines and their story. */
export interface IncidentQueries {
  readonly byId: PreparedQuery<{ readonly ids: readonly string[] }, Incident>;
  readonly latest: PreparedQuery<{ readonly groupKeys: readonly string[] }, Incident>;
  readonly lines: PreparedQuery<{ readonly ids: readonly string[] }, Line>;
  readonly linesAt: PreparedQuery<{ readonly places: readonly (readonly [string, string])[] }, Line>;
  readonly linesOfIncidents: PreparedQuery<{ readonly incidentIds: readonly string[] }, Line>;
  readonly lineFacts: PreparedQuery<{ readonly lineIds: readonly string[]; readonly at: number }, LineFacts>;
  readonly due: PreparedQuery<{ readonly now: number; readonly limit: number }, string>;
  readonly nextDue: PreparedQuery<{ readonly now: number }, number | null>;
  readonly timeline: PreparedQuery<{ readonly incidentId: string }, StoredTimelineEntry>;
  readonly countOpen: PreparedQuery<object, StoreCounts['openIncidents'][number]>;
}

export function createIncidentQueries({ builder, texts, pairs, eachText, compile }: StoreDialect): IncidentQueries {
  const latest = (groupKey: RawBuilder<string>): RawBuilder<string> => sql`coalesce(
    (select "id" from "incident" where "group_key" = ${groupKey} and "status" <> 'resolved'),
    (select "id" from "incident" where "group_key" = ${groupKey} order by "started_at" desc, "id" desc limit 1)
  )`;

  return {
    byId: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('incident').select(incidents.columns).where('id', 'in', texts(ids)),
      incidents.decode,
    ),
    latest: prepareQuery(
      { groupKeys: 'texts' },
      ({ groupKeys }) => builder.selectFrom('incident').select(incidents.columns).where('id', 'in', eachText(groupKeys, latest)),
      incidents.decode,
    ),
    lines: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('line').select(lines.columns).where('id', 'in', texts(ids)),
      lines.decode,
    ),
    linesAt: prepareQuery(
      { places: 'pairs' },
      ({ places }) =>
        builder
          .selectFrom('line')
          .select(lines.columns)
          .where(sql<string>`("incident_id", "target")`, 'in', pairs(places)),
      lines.decode,
    ),
    linesOfIncidents: prepareQuery(
      { incidentIds: 'texts' },
      ({ incidentIds }) => builder.selectFrom('line').select(lines.columns).where('incident_id', 'in', texts(incidentIds)),
      lines.decode,
    ),
    lineFacts: prepareQuery(
      { lineIds: 'texts', at: 'integer' },
      ({ lineIds, at }) =>
        compile(sql`
          select "line"."id",
            count("episode"."id"),
            count(case when "episode"."suppressed" = 0 then 1 end),
            count(case when coalesce("episode"."unconfirmed_until", 0) <= ${at} then "episode"."id" end),
            max(case when "episode"."unconfirmed_until" > ${at} then "episode"."unconfirmed_until" end)
          from "line"
          left join "member" on "member"."incident_id" = "line"."incident_id" and "member"."target" = "line"."target"
          left join "episode" on "episode"."id" = "member"."episode_id" and "episode"."status" = 'firing'
          where "line"."id" in ${texts(lineIds)}
          group by "line"."id"`),
      decodeLineFacts,
    ),
    due: prepareQuery(
      { now: 'integer', limit: 'integer' },
      ({ now, limit }) =>
        builder
          .selectFrom('incident')
          .select('id')
          .where('wake_at', '<=', now)
          .orderBy('severity_rank')
          .orderBy('started_at')
          .orderBy('id')
          .limit(limit),
      decodeId,
    ),
    nextDue: prepareQuery(
      { now: 'integer' },
      ({ now }) =>
        builder
          .selectFrom('incident')
          .select((eb) => eb.fn.min('wake_at').as('at'))
          .where('wake_at', '>', now),
      decodeInstant,
    ),
    timeline: prepareQuery(
      { incidentId: 'text' },
      ({ incidentId }) =>
        builder.selectFrom('timeline').select(STORED_TIMELINE).where('incident_id', '=', incidentId).orderBy('position'),
      decodeStoredTimeline,
    ),
    countOpen: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('incident')
          .select(['status', 'severity', (eb) => eb.fn.countAll<number>().as('count')])
          .where('status', '<>', sql.lit('resolved'))
          .groupBy(['status', 'severity']),
      (row) => ({
        status: word(INCIDENT_STATUSES).decode(cellAt(row, 0)),
        severity: text.decode(cellAt(row, 1)),
        count: integer.decode(cellAt(row, 2)),
      }),
    ),
  };
}

/** A row of one column, an id. */
export function decodeId(row: Row): string {
  return text.decode(cellAt(row, 0));
}

/** A row of one column, an instant or null. */
export function decodeInstant(row: Row): number | null {
  return nullable(integer).decode(cellAt(row, 0));
}

function decodeLineFacts(row: Row): LineFacts {
  return {
    lineId: text.decode(cellAt(row, 0)),
    firing: integer.decode(cellAt(row, 1)),
    unsuppressed: integer.decode(cellAt(row, 2)),
    confirmed: integer.decode(cellAt(row, 3)),
    unconfirmedUntil: nullable(integer).decode(cellAt(row, 4)),
  };
}
