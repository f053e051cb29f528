import { sql } from 'kysely';
import { NOTIFICATION_CHANNELS } from '../../domain/state.ts';
import type { Incident, Notification, NotificationChannel } from '../../domain/state.ts';
import type { DueNotification, NotificationFilter } from '../../domain/store.ts';
import { cellAt, integer, nullable, word } from '../column.ts';
import type { Row } from '../column.ts';
import { incidents, notifications } from '../rows.ts';
import { decodeInstant } from './incident-queries.ts';
import { bind, prepareQuery } from './prepared-query.ts';
import type { BoundQuery, PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Has something to be told, and is not given up. Literals, as in the partial index: with parameters it would not be used. */
export const OWED = sql<boolean>`"notification"."is_dead" = 0 and "notification"."wanted" > "notification"."told_version"`;
const DEAD = sql<boolean>`"notification"."is_dead" = 1`;

/** How many rows of a channel wait, and since when the first of them. */
export interface WaitingCount {
  readonly channel: NotificationChannel;
  readonly count: number;
  readonly oldestAt: number | null;
}

/** The outbox. */
export interface NotificationQueries {
  readonly byId: PreparedQuery<{ readonly ids: readonly string[] }, Notification>;
  readonly ofIncidents: PreparedQuery<{ readonly incidentIds: readonly string[] }, Notification>;
  readonly due: PreparedQuery<{ readonly now: number; readonly limit: number }, DueNotification>;
  readonly nextDue: PreparedQuery<{ readonly now: number }, number | null>;
  readonly ofBundle: PreparedQuery<{ readonly bundleId: string }, Notification>;
  readonly incidentsOfBundle: PreparedQuery<{ readonly bundleId: string }, Incident>;
  readonly countWaiting: PreparedQuery<object, WaitingCount>;
  readonly countDead: PreparedQuery<object, WaitingCount>;
  /** The places of these incidents have something new to hear. */
  readonly tell: PreparedQuery<{ readonly incidentIds: readonly string[]; readonly at: number }, undefined>;
}

export function createNotificationQueries({ builder, texts }: StoreDialect): NotificationQueries {
  return {
    byId: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('notification').select(notifications.columns).where('id', 'in', texts(ids)),
      notifications.decode,
    ),
    ofIncidents: prepareQuery(
      { incidentIds: 'texts' },
      ({ incidentIds }) =>
        builder.selectFrom('notification').select(notifications.columns).where('incident_id', 'in', texts(incidentIds)),
      notifications.decode,
    ),
    due: prepareQuery(
      { now: 'integer', limit: 'integer' },
      ({ now, limit }) =>
        builder
          .selectFrom('notification')
          .leftJoin('incident', 'incident.id', 'notification.incident_id')
          .select(sql<number>`coalesce("incident"."severity_rank", 0)`.as('rank'))
          .select(notifications.references)
          .where(OWED)
          .where('notification.not_before', '<=', now)
          .orderBy(sql`"notification"."purpose" <> 'page'`)
          .orderBy('rank')
          .orderBy('notification.created_at')
          .orderBy('notification.id')
          .limit(limit),
      (row) => ({ severityRank: integer.decode(cellAt(row, 0)), notification: notifications.decode(row, 1) }),
    ),
    nextDue: prepareQuery(
      { now: 'integer' },
      ({ now }) =>
        builder
          .selectFrom('notification')
          .select((eb) => eb.fn.min('not_before').as('at'))
          .where(OWED)
          .where('not_before', '>', now),
      decodeInstant,
    ),
    ofBundle: prepareQuery(
      { bundleId: 'text' },
      ({ bundleId }) =>
        builder
          .selectFrom('notification')
          .select(notifications.columns)
          .where('bundle_id', '=', bundleId)
          .orderBy('created_at')
          .orderBy('id'),
      notifications.decode,
    ),
    incidentsOfBundle: prepareQuery(
      { bundleId: 'text' },
      ({ bundleId }) =>
        builder
          .selectFrom('incident')
          .select(incidents.columns)
          .where('id', 'in', (eb) =>
            eb
              .selectFrom('notification')
              .select(sql<string>`"incident_id"`.as('incident_id'))
              .where('bundle_id', '=', bundleId),
          )
          .orderBy('severity_rank')
          .orderBy('started_at')
          .orderBy('id'),
      incidents.decode,
    ),
    countWaiting: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('notification')
          .select(['channel', (eb) => eb.fn.countAll<number>().as('count'), (eb) => eb.fn.min('owed_since').as('oldest')])
          .where(OWED)
          .groupBy('channel'),
      decodeCount,
    ),
    countDead: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('notification')
          .select(['channel', (eb) => eb.fn.countAll<number>().as('count'), (eb) => eb.fn.min('owed_since').as('oldest')])
          .where(DEAD)
          .groupBy('channel'),
      decodeCount,
    ),
    tell: prepareQuery(
      { incidentIds: 'texts', at: 'integer' },
      ({ incidentIds, at }) =>
        builder
          .updateTable('notification')
          .set({
            wanted: sql<number>`"wanted" + 1`,
            owed_since: sql<number>`case when "wanted" > "told_version" then "owed_since" else ${at} end`,
          })
          .where('incident_id', 'in', texts(incidentIds)),
      () => undefined,
    ),
  };
}

/** The newest first. */
export function listNotifications({ builder }: StoreDialect, filter: NotificationFilter): BoundQuery<Notification> {
  const query = prepareQuery(
    { incidentId: 'text', limit: 'integer' },
    ({ incidentId, limit }) => {
      let list = builder.selectFrom('notification').select(notifications.columns);
      if (filter.state !== undefined) list = list.where(filter.state === 'dead' ? DEAD : OWED);
      if (filter.incidentId !== undefined) list = list.where('incident_id', '=', incidentId);
      // What waits is little: a sum, because by the index of `created_at` all that was told would be walked.
      return list
        .orderBy(filter.state === 'waiting' ? sql`"created_at" + 0` : 'created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit);
    },
    notifications.decode,
  );
  return bind(query, { incidentId: filter.incidentId ?? '', limit: filter.limit });
}

function decodeCount(row: Row): WaitingCount {
  return {
    channel: word(NOTIFICATION_CHANNELS).decode(cellAt(row, 0)),
    count: integer.decode(cellAt(row, 1)),
    oldestAt: nullable(integer).decode(cellAt(row, 2)),
  };
}
