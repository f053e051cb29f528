import { SystemClock } from '../../src/domain/system-clock.ts';
import type { Claim, Episode, Incident, Member, Run, StepRecord } from '../../src/domain/state.ts';
import type { StoreTransaction } from '../../src/domain/store.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

/** What is on disk after the last life. */
export interface StoredState {
  readonly episodes: ReadonlyMap<string, Episode>;
  /** By episode id. */
  readonly members: ReadonlyMap<string, readonly Member[]>;
  readonly incidents: readonly Incident[];
  readonly runs: readonly Run[];
  readonly steps: readonly StepRecord[];
  readonly claims: readonly Claim[];
}

const CHUNK = 400;

/** Reads the store of a daemon that does not run. */
export async function readStore(path: string, alertKeys: readonly string[]): Promise<StoredState> {
  const store = new SqliteStore({ path, clock: new SystemClock() });
  await store.open();
  try {
    const incidents: Incident[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Awaited<ReturnType<typeof store.listIncidents>> = await store.listIncidents({
        limit: CHUNK,
        ...(cursor === '' ? {} : { cursor }),
      });
      incidents.push(...page.items);
      cursor = page.nextCursor;
    }
    return await store.transact(async (tx) => {
      const episodes = await inChunks(alertKeys, (keys) => tx.currentEpisodes(keys));
      const members = await inChunks(
        episodes.map(({ id }) => id),
        (ids) => tx.members(ids),
      );
      const runs = await inChunks(
        incidents.map(({ id }) => id),
        (ids) => tx.runsOfIncidents(ids),
      );
      return {
        episodes: new Map(episodes.map((episode) => [episode.alertKey, episode])),
        members: Map.groupBy(members, ({ episodeId }) => episodeId),
        incidents,
        runs,
        ...(await readRuns(tx, runs)),
      };
    });
  } finally {
    await store.close();
  }
}

async function readRuns(tx: StoreTransaction, runs: readonly Run[]): Promise<Pick<StoredState, 'steps' | 'claims'>> {
  const ids = runs.map(({ id }) => id);
  return { steps: await inChunks(ids, (some) => tx.steps(some)), claims: await inChunks(ids, (some) => tx.claimsOfRuns(some)) };
}

async function inChunks<T>(
  keys: readonly string[],
  read: (some: readonly string[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let at = 0; at < keys.length; at += CHUNK) found.push(...(await read(keys.slice(at, at + CHUNK))));
  return found;
}
