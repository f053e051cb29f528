import { existsSync } from 'node:fs';
import { StoreUnavailableError, type AuditCheck } from '../../domain/store.ts';
import { cellAt, integer, text } from '../column.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { createAuditQueries } from '../queries/audit-queries.ts';
import { checkAudit } from './check-audit.ts';
import { APPLICATION_ID } from './database.ts';
import { describeFailure, failureToError } from './failure.ts';
import { InThreadConnection } from './in-thread-connection.ts';
import { SnapshotReads } from './snapshot-reads.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';

const BUSY_TIMEOUT_MS = 5_000;

/** What a check of a store's file found. */
export interface StoreCheck {
  /** What SQLite says of the file, at most a hundred lines; none when it is sound. */
  readonly faults: readonly string[];
  readonly audit: AuditCheck;
}

/**
 * Reads the whole file of a store and changes nothing in it; a daemon may use it meanwhile. Throws `StoreUnavailableError` when it
 * cannot be read, or when its tables are not those of this version.
 */
export async function checkStoreFile(path: string): Promise<StoreCheck> {
  const connection = openForReading(path);
  try {
    const reads = new SnapshotReads(connection);
    await requireOwnSchema(reads, path);
    const lines = await pragma(reads, 'integrity_check', text.decode);
    const audit = await checkAudit(reads, createAuditQueries(createSqliteDialect()));
    return { faults: lines.filter((line) => line !== 'ok'), audit };
  } finally {
    await connection.close();
  }
}

function openForReading(path: string): InThreadConnection {
  if (!existsSync(path)) throw new StoreUnavailableError('io', `store ${path}: there is no such file`);
  try {
    return new InThreadConnection({ path, readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS, commitDelayMs: 0, migrations: [] });
  } catch (cause) {
    throw failureToError(describeFailure(cause), path);
  }
}

async function requireOwnSchema(reads: SnapshotReads, path: string): Promise<void> {
  const [applicationId] = await pragma(reads, 'application_id', integer.decode);
  if (applicationId !== APPLICATION_ID) throw new StoreUnavailableError('io', `store ${path}: it is not a store of remedyd`);
  const [version = 0] = await pragma(reads, 'user_version', integer.decode);
  const known = MIGRATIONS.length;
  if (version === known) return;
  const remedy = version > known ? 'use the remedyd that wrote it' : 'start the daemon once, it brings the store up to date';
  throw new StoreUnavailableError('io', `store ${path}: its schema is ${version}, and this version reads ${known}: ${remedy}`);
}

function pragma<T>(reads: SnapshotReads, name: string, decode: (cell: ReturnType<typeof cellAt>) => T): Promise<readonly T[]> {
  return reads.run({ sql: `pragma ${name}`, values: [], decode: (row) => decode(cellAt(row, 0)) });
}
