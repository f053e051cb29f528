import type { AnyRemediation } from '../../domain/remediation.ts';
import { activeQueries } from './active-queries.ts';
import { analyze } from './analyze.ts';
import { bloat } from './bloat.ts';
import { cancelQueries } from './cancel-queries.ts';
import { connectionStats } from './connection-stats.ts';
import { disableAccounts } from './disable-accounts.ts';
import { dump } from './dump.ts';
import { indexSizes } from './index-sizes.ts';
import { integrityCheck } from './integrity-check.ts';
import { lockChains } from './lock-chains.ts';
import { ping } from './ping.ts';
import { reindex } from './reindex.ts';
import { replicationLag } from './replication-lag.ts';
import { restoreTest } from './restore-test.ts';
import { setParameter } from './set-parameter.ts';
import { setReadOnly } from './set-read-only.ts';
import { slowQueries } from './slow-queries.ts';
import { tableSizes } from './table-sizes.ts';
import { terminateBlockers } from './terminate-blockers.ts';
import { terminateIdleConnections } from './terminate-idle-connections.ts';
import { terminateIdleInTransaction } from './terminate-idle-in-transaction.ts';
import { terminateQueries } from './terminate-queries.ts';
import { vacuum } from './vacuum.ts';

/** What can be done to a PostgreSQL server. */
export const postgresRemediations: readonly AnyRemediation[] = [
  activeQueries,
  analyze,
  bloat,
  cancelQueries,
  connectionStats,
  disableAccounts,
  dump,
  indexSizes,
  integrityCheck,
  lockChains,
  ping,
  reindex,
  replicationLag,
  restoreTest,
  setParameter,
  setReadOnly,
  slowQueries,
  tableSizes,
  terminateBlockers,
  terminateIdleConnections,
  terminateIdleInTransaction,
  terminateQueries,
  vacuum,
];
