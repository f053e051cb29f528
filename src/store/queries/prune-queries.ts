import { sql } from 'kysely';
import { cellAt, integer } from '../column.ts';
import type { Row } from '../column.ts';
import { decodeId } from './incident-queries.ts';
import { OWED } from './notification-queries.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/**
 * What is old enough to go. A run that is live or quarantined keeps its incident, and so does a place that still has to be told; an
 * incident keeps its alerts and runs, a bundle stays while it has members. The audit log stays.
 */
export interface PruneQueries {
  readonly incidents: PreparedQuery<{ readonly before: number; readonly limit: number }, string>;
  readonly runsOfIncidents: PreparedQuery<{ readonly incidentIds: readonly string[] }, string>;
  /** Ended runs that no incident holds. */
  readonly looseRuns: PreparedQuery<{ readonly before: number; readonly limit: number }, string>;
  /** Resolved episodes that no incident holds. */
  readonly episodes: PreparedQuery<{ readonly before: number; readonly limit: number }, string>;
  readonly deleteEpisodes: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteAlertContents: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteIncidents: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteLines: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteMembers: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteTimelines: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteRuns: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteSteps: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  readonly deleteRunTimelines: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  /** Those of runs. */
  readonly deleteApprovals: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  /** Those of incidents. */
  readonly deleteNotifications: PreparedQuery<{ readonly ids: readonly string[] }, number>;
  /** Bundles and notices that were told or given up. */
  readonly deleteLooseNotifications: PreparedQuery<{ readonly before: number; readonly limit: number }, number>;
  readonly deleteRequests: PreparedQuery<{ readonly before: number; readonly limit: number }, number>;
  readonly deleteLooseTimeline: PreparedQuery<{ readonly before: number; readonly limit: number }, number>;
  readonly deleteQuarantined: PreparedQuery<{ readonly before: number; readonly limit: number }, number>;
  /** Definitions that no live run was claimed with, those in `kept` left out. */
  readonly deleteRuleSnapshots: PreparedQuery<{ readonly kept: readonly string[] }, number>;
}

export function createPruneQueries({ builder, texts }: StoreDialect): PruneQueries {
  const changed = (row: Row): number => integer.decode(cellAt(row, 0));
  return {
    incidents: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .selectFrom('incident')
          .select('id')
          .where('started_at', '<', before)
          .where('resolved_at', '<', before)
          .where('status', '=', sql.lit('resolved'))
          .where((eb) =>
            eb.not(
              eb.exists(
                eb
                  .selectFrom('run')
                  .select('run.id')
                  .whereRef('run.incident_id', '=', 'incident.id')
                  .where((inner) =>
                    inner.or([inner('run.state', '<>', sql.lit('ended')), inner('run.quarantined', '=', sql.lit(1))]),
                  ),
              ),
            ),
          )
          .where((eb) =>
            eb.not(
              eb.exists(
                eb
                  .selectFrom('notification')
                  .select('notification.id')
                  .whereRef('notification.incident_id', '=', 'incident.id')
                  .where(OWED),
              ),
            ),
          )
          .orderBy('started_at')
          .limit(limit),
      decodeId,
    ),
    runsOfIncidents: prepareQuery(
      { incidentIds: 'texts' },
      ({ incidentIds }) => builder.selectFrom('run').select('id').where('incident_id', 'in', texts(incidentIds)),
      decodeId,
    ),
    looseRuns: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .selectFrom('run')
          .select('id')
          .where('ended_at', '<', before)
          .where('incident_id', 'is', null)
          .where('state', '=', sql.lit('ended'))
          .where('quarantined', '=', sql.lit(0))
          .orderBy('ended_at')
          .limit(limit),
      decodeId,
    ),
    episodes: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .selectFrom('episode')
          .select('id')
          .where('first_seen_at', '<', before)
          .where('last_seen_at', '<', before)
          .where('status', '=', sql.lit('resolved'))
          .where((eb) =>
            eb.not(eb.exists(eb.selectFrom('member').select('member.rule').whereRef('member.episode_id', '=', 'episode.id'))),
          )
          .orderBy('first_seen_at')
          .limit(limit),
      decodeId,
    ),
    deleteEpisodes: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('episode').where('id', 'in', texts(ids)),
      changed,
    ),
    deleteAlertContents: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('alert_content').where('episode_id', 'in', texts(ids)),
      changed,
    ),
    deleteIncidents: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('incident').where('id', 'in', texts(ids)),
      changed,
    ),
    deleteLines: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('line').where('incident_id', 'in', texts(ids)),
      changed,
    ),
    deleteMembers: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('member').where('incident_id', 'in', texts(ids)),
      changed,
    ),
    deleteTimelines: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('timeline').where('incident_id', 'in', texts(ids)),
      changed,
    ),
    deleteRuns: prepareQuery({ ids: 'texts' }, ({ ids }) => builder.deleteFrom('run').where('id', 'in', texts(ids)), changed),
    deleteSteps: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('step').where('run_id', 'in', texts(ids)),
      changed,
    ),
    deleteRunTimelines: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('timeline').where('run_id', 'in', texts(ids)),
      changed,
    ),
    deleteApprovals: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('approval').where('run_id', 'in', texts(ids)),
      changed,
    ),
    deleteNotifications: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.deleteFrom('notification').where('incident_id', 'in', texts(ids)),
      changed,
    ),
    deleteLooseNotifications: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder.deleteFrom('notification').where('id', 'in', (eb) =>
          eb
            .selectFrom('notification')
            .select('notification.id')
            .where('notification.created_at', '<', before)
            .where('notification.incident_id', 'is', null)
            .where(sql<boolean>`not (${OWED})`)
            .where((inner) =>
              inner.not(
                inner.exists(
                  inner
                    .selectFrom('notification as member')
                    .select('member.id')
                    .whereRef('member.bundle_id', '=', 'notification.id'),
                ),
              ),
            )
            .limit(limit),
        ),
      changed,
    ),
    deleteRequests: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .deleteFrom('request')
          .where('id', 'in', (eb) => eb.selectFrom('request').select('id').where('at', '<', before).orderBy('at').limit(limit)),
      changed,
    ),
    deleteLooseTimeline: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .deleteFrom('timeline')
          .where('position', 'in', (eb) =>
            eb
              .selectFrom('timeline')
              .select('position')
              .where('incident_id', 'is', null)
              .where('run_id', 'is', null)
              .where('at', '<', before)
              .limit(limit),
          ),
      changed,
    ),
    deleteQuarantined: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .deleteFrom('quarantined')
          .where('position', 'in', (eb) => eb.selectFrom('quarantined').select('position').orderBy('position').limit(limit))
          .where('received_at', '<', before),
      changed,
    ),
    deleteRuleSnapshots: prepareQuery(
      { kept: 'texts' },
      ({ kept }) =>
        builder
          .deleteFrom('rule_snapshot')
          .where('digest', 'not in', texts(kept))
          .where('digest', 'not in', (eb) => eb.selectFrom('run').select('rule_digest').where('state', '<>', sql.lit('ended'))),
      changed,
    ),
  };
}
