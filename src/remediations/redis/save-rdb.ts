import { defineRemediation, StepError, type Plan, type StepContext } from '../../domain/remediation.ts';
import { resolveBackupDirectory } from '../resolve-backup-directory.ts';
import { readLastSave, saveInBackground } from './background-save.ts';
import { copyRdb } from './copy-rdb.ts';
import { withRedisSession } from './redis-session.ts';

/** Saves the data of a server: on its own disk, or as a copy in a directory of this machine. */
export const saveRdb = defineRemediation({
  name: 'redis.save_rdb',
  summary: 'Saves all data of Redis, every database of it: on its own disk, or with `directory` as a copy on this machine.',
  notes: [
    'Without `directory` it needs `ACL SETUSER remedyd on >… +bgsave +info`, and `+select` where the URL names a database other than 0. With',
    '`directory` it needs `ACL SETUSER remedyd on >… +sync +replconf`, and the connection has to name that directory, or one above it,',
    'in `backup_directories`. Redis gives a replica everything, whatever the key patterns of its user: guard the connection accordingly.',
    '',
    'Without `directory` it is `BGSAVE`, waited for: the server writes its own dump file. A save that is under way is waited for first,',
    'then a new one is made, so that it holds everything written before the step; a rewrite of the append-only file goes first.',
    'Redis cannot cancel a save: after a timeout or a cancel it goes on.',
    '',
    'With `directory` the server sends one new snapshot as it would to a replica, so that it works from another machine too, and over',
    'TLS; its own dump file may stay as it was. It comes into `….rdb.partial`, is checked (beginning, end, CRC-64), flushed to the disk,',
    'and only then named `redis-CONNECTION-20260131T120000Z.rdb` (the time of the snapshot), readable by the owner only; a copy that is there already is',
    'never replaced, the new one gets `-2` behind the time. It gives up when less than 256 MiB (or 5% of a small disk) would be left. What a crash',
    'leaves ends in `.partial`, and the next copy removes it once it is a day old. The server waits `repl-diskless-sync-delay` (5s by default) before it begins, and lists a replica more for',
    'the time. A replica can be copied just as well; in a cluster, a node has only its own part. Old copies are deleted by `files.delete_older`.',
    '',
    'The server forks for the snapshot and needs memory for what is written meanwhile. Give it a `timeout` that fits the data.',
  ].join('\n'),
  connection: 'redis',
  params: {
    directory: {
      type: 'string',
      pattern: '/.*',
      description: 'Absolute path of an existing directory of the machine that remedyd runs on',
    },
  },
  outputs: {
    file: { type: 'string', description: 'Path of the copy; empty without `directory`' },
    bytes: { type: 'bytes', description: 'Its size; 0 without `directory`' },
    sha256: { type: 'string', description: 'Its SHA-256 in hexadecimal; empty without `directory`' },
    checksum: {
      type: 'bool',
      description: 'Whether it has a CRC-64, which was right; a server with `rdbchecksum no` writes none',
    },
    took: { type: 'duration', description: 'How long it took' },
    saved_at: {
      type: 'timestamp',
      description: 'When the snapshot of the copy began, or the save on the own disk ended; server time',
    },
  },
  example: {
    file: '/backups/redis-cache-20260131T120000Z.rdb',
    bytes: 104_857_600,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    checksum: true,
    took: 4_200,
    saved_at: '2026-01-31T12:00:00.000Z',
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  async plan({ directory }, context): Promise<Plan<{ directory: string | null }>> {
    const { name } = context.connection;
    if (directory === undefined) {
      const lastSave = await withRedisSession(context, (session) => readLastSave(session, name));
      return {
        summary: `save the data of Redis "${name}" on its own disk (last saved ${new Date(lastSave).toISOString()})`,
        identity: { connection: name, directory: null },
        touches: [`redis:${name}`],
        data: { directory: null },
      };
    }
    const path = await resolveDirectory(context, directory);
    return {
      summary: `copy the data of Redis "${name}" into a new file in ${JSON.stringify(path)}`,
      identity: { connection: name, directory: path },
      touches: [`redis:${name}`, `files:${path}`],
      data: { directory: path },
    };
  },

  async run(plan, context) {
    const { directory } = plan.data;
    const startedAt = context.clock.monotonic();
    const took = (): number => Math.round(context.clock.monotonic() - startedAt);
    if (directory === null) {
      const savedAt = await saveOnServer(context);
      const saved_at = new Date(savedAt).toISOString();
      return { file: '', bytes: 0, sha256: '', checksum: false, took: took(), saved_at };
    }
    if ((await resolveDirectory(context, directory)) !== directory) throw movedDirectory(context, directory);
    const { file, bytes, sha256, hasChecksum, savedAt } = await copyRdb(context, directory);
    return { file, bytes, sha256, checksum: hasChecksum, took: took(), saved_at: new Date(savedAt).toISOString() };
  },
});

async function saveOnServer(context: StepContext<'redis'>): Promise<number> {
  try {
    return await withRedisSession(context, (session) => saveInBackground(session, context));
  } catch (error) {
    if (!(error instanceof StepError) || error.happened === 'nothing' || !context.signal.aborted) throw error;
    throw new StepError(error.code, `${error.message}; the save that it began goes on, since Redis cannot cancel it`, {
      happened: 'unknown',
      cause: error,
    });
  }
}

function resolveDirectory({ connection }: StepContext<'redis'>, directory: string): Promise<string> {
  return resolveBackupDirectory(directory, connection.backupDirectories, `Redis "${connection.name}"`);
}

function movedDirectory({ connection }: StepContext<'redis'>, directory: string): StepError {
  return new StepError(
    'precondition_failed',
    `Redis "${connection.name}": ${JSON.stringify(directory)} has become a link to elsewhere since the plan was made`,
    { happened: 'nothing' },
  );
}
