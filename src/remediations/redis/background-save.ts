import { z } from 'zod';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { parseInfo } from './parse-info.ts';
import type { RedisSession } from './redis-session.ts';

const POLL_MS = 200;

// https://redis.io/docs/latest/commands/info/ (persistence)
const persistence = z.object({
  rdb_bgsave_in_progress: z.number(),
  rdb_last_save_time: z.number(),
  rdb_last_bgsave_status: z.string(),
  aof_rewrite_in_progress: z.number(),
});
type Persistence = z.infer<typeof persistence>;

type Waiting = Pick<StepContext<'redis'>, 'clock' | 'signal' | 'connection'>;

/** When the server last saved its data, epoch ms. */
export async function readLastSave(session: RedisSession, connection: string): Promise<number> {
  return (await readPersistence(session, connection)).rdb_last_save_time * 1_000;
}

/**
 * Makes the server save its data in the background and waits for it; answers when it was done, epoch ms. A save that is under
 * way is waited for first, because it does not hold what was written since it began. Fails as `rejected` when the save fails.
 */
export async function saveInBackground(session: RedisSession, context: Waiting): Promise<number> {
  const { name } = context.connection;
  const before = await waitFor(session, context, isSaved);
  for (;;) {
    const start = await startSave(session);
    if (start === 'scheduled') {
      await context.clock.sleep(POLL_MS, context.signal);
      const { rdb_last_save_time } = await waitFor(session, context, isIdle);
      // It may not have begun when the rewrite has ended: asking again begins it, or finds it at work.
      if (rdb_last_save_time === before.rdb_last_save_time) continue;
    }
    const after = await waitFor(session, context, isSaved);
    if (after.rdb_last_bgsave_status === 'ok') return after.rdb_last_save_time * 1_000;
    throw new StepError(
      'rejected',
      `Redis "${name}": the background save failed; look into the server's log: its disk may be full, or its memory too small to fork`,
      { happened: 'nothing' },
    );
  }
}

/** `scheduled` behind other work in the background, such as a rewrite of the AOF; `running` when another began since we looked. */
async function startSave(session: RedisSession): Promise<'started' | 'scheduled' | 'running'> {
  try {
    const answer = await session.change((client) => client.bgsave('SCHEDULE'));
    return /scheduled/i.test(answer) ? 'scheduled' : 'started';
  } catch (error) {
    if (error instanceof StepError && /save already in progress/i.test(error.message)) return 'running';
    throw error;
  }
}

async function waitFor(
  session: RedisSession,
  { clock, signal, connection }: Waiting,
  isReached: (state: Persistence) => boolean,
): Promise<Persistence> {
  for (;;) {
    const state = await readPersistence(session, connection.name);
    if (isReached(state)) return state;
    await clock.sleep(POLL_MS, signal);
  }
}

function isSaved({ rdb_bgsave_in_progress }: Persistence): boolean {
  return rdb_bgsave_in_progress === 0;
}

function isIdle(state: Persistence): boolean {
  return isSaved(state) && state.aof_rewrite_in_progress === 0;
}

async function readPersistence(session: RedisSession, connection: string): Promise<Persistence> {
  const parsed = persistence.safeParse(parseInfo(await session.read((client) => client.info('persistence'))));
  if (parsed.success) return parsed.data;
  const missing = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new StepError('invalid_response', `Redis "${connection}": INFO has no proper ${missing}`, { happened: session.happened });
}
