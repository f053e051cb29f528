import type { Changes } from '../../domain/store.ts';
import { ONLY_ROW } from '../rows.ts';
import { queryStatement, writeStatement } from '../statement.ts';
import type { Statement } from '../statement.ts';
import { bind } from './prepared-query.ts';
import type { StoreQueries } from './store-queries.ts';
import type { RowWriter } from './write-rows.ts';

/** How many rows a statement takes: bounds what is encoded and copied at once when a webhook brings thousands of alerts. */
export const ROWS_PER_STATEMENT = 500;

/**
 * What `save` runs, in the order in which no unique key is held twice on the way: what ends is written before what begins.
 * Made lazily, so that a large save is never in memory twice.
 */
export function* changeStatements({ write, wake, claims }: StoreQueries, changes: Changes): Generator<Statement> {
  const { switches, wakeAllHeldAt } = changes;
  yield* inChunks(
    write.episodes,
    sortFirst(changes.episodes, (episode) => !episode.current),
  );
  yield* inChunks(write.episodes, changes.newEpisodes);
  yield* inChunks(
    write.alertContents,
    changes.newEpisodes.map(({ id: episodeId, labels, annotations, fingerprint, generatorUrl }) => ({
      episodeId,
      labels,
      annotations,
      fingerprint,
      generatorUrl,
    })),
  );
  yield* inChunks(
    write.incidents,
    sortFirst(changes.incidents, (incident) => incident.status === 'resolved'),
  );
  yield* inChunks(write.members, changes.members);
  yield* inChunks(write.lines, changes.lines);
  yield* inChunks(write.ruleSnapshots, changes.ruleSnapshots);
  yield* inChunks(write.runs, changes.runs);
  yield* inChunks(write.steps, changes.steps);
  yield* inChunks(write.claims, changes.claims);
  if (changes.releasedClaims.length > 0) yield queryStatement(bind(claims.release, { keys: changes.releasedClaims }));
  yield* inChunks(write.breakers, changes.breakers);
  if (switches !== undefined) yield writeStatement(write.switches, [{ ...switches, id: ONLY_ROW }]);
  yield* inChunks(write.timeline, changes.timeline);
  yield* inChunks(write.quarantined, changes.quarantined);
  for (const { reasons, limit, at } of changes.wakeHeld) {
    for (const reason of reasons) yield queryStatement(bind(wake.mostUrgent, { reason, limit, at }));
  }
  if (wakeAllHeldAt !== undefined) yield queryStatement(bind(wake.all, { at: wakeAllHeldAt }));
}

function* inChunks<T>(writer: RowWriter<T>, values: readonly T[]): Generator<Statement> {
  for (let at = 0; at < values.length; at += ROWS_PER_STATEMENT) {
    yield writeStatement(writer, values.slice(at, at + ROWS_PER_STATEMENT));
  }
}

function sortFirst<T>(values: readonly T[], isFirst: (value: T) => boolean): readonly T[] {
  return values.length < 2 ? values : [...values.filter(isFirst), ...values.filter((value) => !isFirst(value))];
}
