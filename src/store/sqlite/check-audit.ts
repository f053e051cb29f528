import type { AuditCheck } from '../../domain/store.ts';
import { checkChain } from '../audit-chain.ts';
import type { AuditQueries } from '../queries/audit-queries.ts';
import type { SnapshotReads } from './snapshot-reads.ts';

const ENTRIES_PER_PAGE = 1_000;

/** Reads the whole audit log, page by page, so that no read holds up the daemon's log for long. Entries may be appended meanwhile. */
export async function checkAudit(reads: SnapshotReads, audit: AuditQueries): Promise<AuditCheck> {
  const [end = 0] = await reads.query(audit.end, {});
  return checkChain(end, (after) => reads.query(audit.links, { after, limit: ENTRIES_PER_PAGE }));
}
