import { createClaimQueries } from './claim-queries.ts';
import { createDaemonQueries } from './daemon-queries.ts';
import { createEpisodeQueries } from './episode-queries.ts';
import { createIncidentQueries } from './incident-queries.ts';
import { createPruneQueries } from './prune-queries.ts';
import { createRunQueries } from './run-queries.ts';
import type { StoreDialect } from './store-dialect.ts';
import { createWakeQueries } from './wake-held.ts';
import { createWriters } from './writers.ts';

/** Everything that a store asks and writes, compiled once for its backend. */
export function createStoreQueries(dialect: StoreDialect) {
  return {
    dialect,
    episodes: createEpisodeQueries(dialect),
    incidents: createIncidentQueries(dialect),
    runs: createRunQueries(dialect),
    claims: createClaimQueries(dialect),
    daemon: createDaemonQueries(dialect),
    wake: createWakeQueries(dialect),
    prune: createPruneQueries(dialect),
    write: createWriters(dialect),
  };
}

export type StoreQueries = ReturnType<typeof createStoreQueries>;
