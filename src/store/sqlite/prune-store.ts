import type { StoreQueries } from '../queries/store-queries.ts';
import type { SqliteSession } from './sqlite-session.ts';

export interface PruneOptions {
  readonly before: number;
  /** Requests that were taken before this can be forgotten. */
  readonly requestsBefore: number;
  /** How many incidents, loose runs, loose episodes and so on at most. */
  readonly limit: number;
  /** Digests of definitions that stay. */
  readonly keptDigests: readonly string[];
}

/** Deletes what is old, in one transaction. Returns how many rows that were. */
export async function pruneStore(session: SqliteSession, { prune }: StoreQueries, options: PruneOptions): Promise<number> {
  const { before, requestsBefore, limit, keptDigests } = options;
  const [incidentIds, looseRunIds] = await Promise.all([
    session.query(prune.incidents, { before, limit }),
    session.query(prune.looseRuns, { before, limit }),
  ]);
  const runIds = [...looseRunIds, ...(await session.query(prune.runsOfIncidents, { incidentIds }))];
  const counts = await Promise.all([
    session.query(prune.deleteSteps, { ids: runIds }),
    session.query(prune.deleteRunTimelines, { ids: runIds }),
    session.query(prune.deleteRuns, { ids: runIds }),
    session.query(prune.deleteApprovals, { ids: runIds }),
    session.query(prune.deleteNotifications, { ids: incidentIds }),
    session.query(prune.deleteTimelines, { ids: incidentIds }),
    session.query(prune.deleteLines, { ids: incidentIds }),
    session.query(prune.deleteMembers, { ids: incidentIds }),
    session.query(prune.deleteIncidents, { ids: incidentIds }),
    session.query(prune.deleteLooseTimeline, { before, limit }),
    session.query(prune.deleteQuarantined, { before, limit }),
    session.query(prune.deleteLooseNotifications, { before, limit }),
    session.query(prune.deleteRequests, { before: requestsBefore, limit }),
    session.query(prune.deleteRuleSnapshots, { kept: keptDigests }),
  ]);
  // Only now, because the alerts of the incidents just deleted are held by none any more.
  const ids = await session.query(prune.episodes, { before, limit });
  const alertCounts = await Promise.all([
    session.query(prune.deleteEpisodes, { ids }),
    session.query(prune.deleteAlertContents, { ids }),
  ]);
  return [...counts, ...alertCounts].flat().reduce((sum, count) => sum + count, 0);
}
