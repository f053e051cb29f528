import type { StepContext } from '../../domain/remediation.ts';
import { removeAbandoned, writeBackupFile } from './backup-file.ts';
import { RdbCheck, type RdbFacts } from './rdb-check.ts';
import { receiveRdb, requestRdb, type ReplicationLink } from './rdb-transfer.ts';
import { withReplicationLink } from './replication-link.ts';

export interface RdbCopy extends RdbFacts {
  readonly file: string;
  /** When the data was as it is in the file, epoch ms. */
  readonly savedAt: number;
}

/** Copies all data of a server, over the network, into a new file `redis-NAME-YYYYMMDDTHHMMSSZ.rdb` of a directory. */
export function copyRdb(context: StepContext<'redis'>, directory: string): Promise<RdbCopy> {
  const { connection, clock } = context;
  return withReplicationLink(context, async (link, address) => {
    const askedAt = clock.now();
    const prefix = `redis-${connection.name}-`;
    await removeAbandoned(directory, prefix, askedAt);
    await requestRdb(link, address);
    const check = new RdbCheck(connection.name);
    const partialName = `${prefix}${compactInstant(askedAt)}-${context.runId}-${context.attempt}`;
    return await writeBackupFile(directory, partialName, checked(link, check), () => {
      const facts = check.finish();
      const savedAt = facts.createdAt ?? askedAt;
      return { ...facts, savedAt, name: `${prefix}${compactInstant(savedAt)}.rdb` };
    });
  });
}

async function* checked(link: ReplicationLink, check: RdbCheck): AsyncGenerator<Buffer, void> {
  for await (const chunk of receiveRdb(link)) {
    check.update(chunk);
    yield chunk;
  }
}

/** `20260131T120000Z`: sorts as it passes, and needs no quoting anywhere. */
function compactInstant(at: number): string {
  return new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '');
}
