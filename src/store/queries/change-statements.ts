import type { AlertContent, Episode, Notification } from '../../domain/state.ts';
import type { Changes } from '../../domain/store.ts';
import { ONLY_ROW } from '../rows.ts';
import type { AlertContentRow, NotificationRow } from '../rows.ts';
import { queryStatement } from '../statement.ts';
import type { Statement } from '../statement.ts';
import type { KnownRows } from './known-rows.ts';
import { bind } from './prepared-query.ts';
import type { StoreQueries } from './store-queries.ts';
import { writeChangedRows, writeRows } from './write-rows.ts';

/** How many rows a statement takes: bounds what is encoded and copied at once when a webhook brings thousands of alerts. */
export const ROWS_PER_STATEMENT = 500;

/**
 * What `save` runs, in the order in which no unique key is held twice on the way: what ends is written before what begins.
 * Made lazily, so that a large save is never in memory twice. The audit log is not in it, because it needs to read first.
 */
export function* changeStatements(
  { write, wake, claims, notifications, schedules }: StoreQueries,
  changes: Changes,
  known: KnownRows,
  now: number,
): Generator<Statement> {
  const [pastEpisodes, currentEpisodes] = partition(changes.episodes, (episode) => !episode.current);
  const [closedIncidents, openIncidents] = partition(changes.incidents, (incident) => incident.status === 'resolved');
  yield* inChunks(pastEpisodes, (values) => writeChangedRows(write.episodes, values, known));
  yield* inChunks(currentEpisodes, (values) => writeChangedRows(write.episodes, values, known));
  yield* inChunks(changes.newEpisodes, (values) => writeChangedRows(write.episodes, values, known));
  yield* inChunks(changes.newEpisodes, (values) => [writeRows(write.alertContents, values.map(contentRow))]);
  yield* inChunks(closedIncidents, (values) => writeChangedRows(write.incidents, values, known));
  yield* inChunks(openIncidents, (values) => writeChangedRows(write.incidents, values, known));
  yield* inChunks(changes.members, (values) => [writeRows(write.members, values)]);
  yield* inChunks(changes.lines, (values) => writeChangedRows(write.lines, values, known));
  yield* inChunks(changes.ruleSnapshots, (values) => [writeRows(write.ruleSnapshots, values)]);
  yield* inChunks(changes.runs, (values) => writeChangedRows(write.runs, values, known));
  yield* inChunks(changes.steps, (values) => writeChangedRows(write.steps, values, known));
  yield* inChunks(changes.claims, (values) => [writeRows(write.claims, values)]);
  if (changes.releasedClaims.length > 0) yield queryStatement(bind(claims.release, { keys: changes.releasedClaims }));
  yield* inChunks(changes.breakers, (values) => [writeRows(write.breakers, values)]);
  if (changes.switches !== undefined) yield writeRows(write.switches, [{ ...changes.switches, id: ONLY_ROW }]);
  yield* inChunks(changes.schedules, (values) => [writeRows(write.schedules, values)]);
  if (changes.removedSchedules.length > 0) yield queryStatement(bind(schedules.removeRules, { names: changes.removedSchedules }));
  yield* inChunks(changes.timeline, (values) => [writeRows(write.timeline, values)]);
  yield* inChunks(changes.approvals, (values) => writeChangedRows(write.approvals, values, known));
  yield* inChunks(changes.notifications, (values) => [writeRows(write.notifications, values.map(owedFromItsBeginning))]);
  yield* inChunks(changes.delivered, (values) => [writeRows(write.delivered, values)]);
  // After those that are new: to them, too, what this transaction says of their incident is news.
  if (changes.told.length > 0) yield queryStatement(bind(notifications.tell, { incidentIds: changes.told, at: now }));
  yield* inChunks(changes.requests, (values) => [writeRows(write.requests, values)]);
  yield* inChunks(changes.quarantined, (values) => [writeRows(write.quarantined, values)]);
  for (const { reasons, limit, at } of changes.wakeHeld) {
    for (const reason of reasons) yield queryStatement(bind(wake.mostUrgent, { reason, limit, at }));
  }
  if (changes.wakeAllHeldAt !== undefined) yield queryStatement(bind(wake.all, { at: changes.wakeAllHeldAt }));
  if (changes.wakeHeld.length > 0 || changes.wakeAllHeldAt !== undefined) known.forget(write.runs);
}

function* inChunks<T>(values: readonly T[], write: (values: readonly T[]) => readonly Statement[]): Generator<Statement> {
  for (let at = 0; at < values.length; at += ROWS_PER_STATEMENT) yield* write(values.slice(at, at + ROWS_PER_STATEMENT));
}

function partition<T>(values: readonly T[], isFirst: (value: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [values.filter(isFirst), values.filter((value) => !isFirst(value))];
}

function owedFromItsBeginning(notification: Notification): NotificationRow {
  return { ...notification, owedSince: notification.createdAt };
}

function contentRow({ id: episodeId, labels, annotations, fingerprint, generatorUrl }: Episode & AlertContent): AlertContentRow {
  return { episodeId, labels, annotations, fingerprint, generatorUrl };
}
