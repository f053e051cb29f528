import type { AnyRemediation } from '../../domain/remediation.ts';
import { analyze } from './analyze.ts';
import { connectionStats } from './connection-stats.ts';
import { disableAccounts } from './disable-accounts.ts';
import { dump } from './dump.ts';
import { integrityCheck } from './integrity-check.ts';
import { ping } from './ping.ts';
import { reindex } from './reindex.ts';
import { restoreTest } from './restore-test.ts';
import { setParameter } from './set-parameter.ts';
import { setReadOnly } from './set-read-only.ts';
import { terminateIdleConnections } from './terminate-idle-connections.ts';
import { vacuum } from './vacuum.ts';

/** What can be done to a PostgreSQL server. */
export const postgresRemediations: readonly AnyRemediation[] = [
  analyze,
  connectionStats,
  disableAccounts,
  dump,
  integrityCheck,
  ping,
  reindex,
  restoreTest,
  setParameter,
  setReadOnly,
  terminateIdleConnections,
  vacuum,
];
