import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { parseInfo } from './parse-info.ts';
import { withRedisSession, type RedisSession } from './redis-session.ts';

// The server measures its resident memory ten times a second: https://redis.io/docs/latest/commands/info/
const MEASURE_MS = 300;

const memory = z.object({ used_memory_rss: z.number() });

/** Gives memory that the allocator of a server holds, but does not use, back to the system. */
export const purgeMemory = defineRemediation({
  name: 'redis.purge_memory',
  summary: 'Makes Redis give memory that it holds, but does not use, back to the system; no key is touched.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… +memory|purge +info`, and `+select` where the URL names a database other than 0.',
    '',
    'It is `MEMORY PURGE`, which does something only in a server built with jemalloc, as the usual ones for Linux are; others answer OK',
    'and keep what they have. It helps after many keys were deleted, when `mem_fragmentation_ratio` stays high.',
  ].join('\n'),
  connection: 'redis',
  params: {},
  outputs: {
    before: { type: 'bytes', description: 'Memory of the process (`used_memory_rss`) before' },
    after: { type: 'bytes', description: 'The same, a moment after' },
    freed_bytes: { type: 'bytes', description: '`before` less `after`; 0 when it grew meanwhile' },
  },
  example: { before: 1_610_612_736, after: 1_073_741_824, freed_bytes: 536_870_912 },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return withRedisSession(context, async (session) => {
      const held = await readResidentMemory(session, name);
      return {
        summary: `give unused memory of Redis "${name}" back to the system (its process has ${held} bytes)`,
        identity: { connection: name },
        touches: [`redis:${name}`],
        data: null,
      };
    });
  },

  run(_plan, context) {
    const { name } = context.connection;
    return withRedisSession(context, async (session) => {
      const before = await readResidentMemory(session, name);
      await session.change((client) => client.call('MEMORY', 'PURGE'));
      await context.clock.sleep(MEASURE_MS, context.signal);
      const after = await readResidentMemory(session, name);
      return { before, after, freed_bytes: Math.max(before - after, 0) };
    });
  },
});

async function readResidentMemory(session: RedisSession, connection: string): Promise<number> {
  const parsed = memory.safeParse(parseInfo(await session.read((client) => client.info('memory'))));
  if (parsed.success) return parsed.data.used_memory_rss;
  throw new StepError('invalid_response', `Redis "${connection}": INFO has no proper used_memory_rss`, {
    happened: session.happened,
  });
}
