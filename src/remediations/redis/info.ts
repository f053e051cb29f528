import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { parseInfo } from './parse-info.ts';
import { withRedisSession } from './redis-session.ts';

const figures = z.object({
  used_memory: z.number(),
  maxmemory: z.number().default(0),
  connected_clients: z.number(),
  evicted_keys: z.number(),
  role: z.string(),
});
const keyspace = z.object({ keys: z.int() });

/** Memory, clients, keys and role of a server. */
export const info = defineRemediation({
  name: 'redis.info',
  summary: 'Reads the figures of INFO from Redis.',
  notes: 'Needs `ACL SETUSER remedyd on >… +info`, and `+select` where the URL names a database other than 0.',
  connection: 'redis',
  params: {
    section: {
      type: 'string',
      pattern: '[a-z_]+',
      description:
        'The section that `info` holds: memory, stats, clients, replication, commandstats, …; by default the usual ones',
    },
  },
  outputs: {
    used_memory: { type: 'bytes', description: 'Memory in use by the server' },
    maxmemory: { type: 'bytes', description: 'The limit on it; 0 when there is none' },
    memory_ratio: { type: 'number', description: '`used_memory` divided by `maxmemory`; 0 when there is no limit' },
    connected_clients: { type: 'int', description: 'Connections of clients, this one included' },
    keys: { type: 'int', description: "Keys in the database of the connection's URL" },
    evicted_keys: { type: 'int', description: 'Keys evicted because of `maxmemory` since the server started' },
    role: { type: 'string', description: 'master or slave' },
    info: {
      type: 'map',
      description: 'All fields of the section, numbers as numbers, e.g. `output.info.mem_fragmentation_ratio`',
    },
  },
  example: {
    used_memory: 943_718_400,
    maxmemory: 1_073_741_824,
    memory_ratio: 0.88,
    connected_clients: 12,
    keys: 52_310,
    evicted_keys: 0,
    role: 'master',
    info: { used_memory: 943_718_400, maxmemory: 1_073_741_824, mem_fragmentation_ratio: 1.1 },
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ section }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `read INFO of Redis "${name}"`,
      identity: { connection: name, section: section ?? null },
      touches: [],
      data: { section: section ?? null },
    });
  },

  run(plan, context) {
    const { section } = plan.data;
    return withRedisSession(context, async (session) => {
      const usual = parseInfo(await session.read((client) => client.info()));
      const asked = section === null ? usual : parseInfo(await session.read((client) => client.info(section)));
      const { used_memory, maxmemory, ...rest } = parseFigures(usual, context.connection.name);
      return {
        used_memory,
        maxmemory,
        memory_ratio: maxmemory === 0 ? 0 : used_memory / maxmemory,
        ...rest,
        // A database without keys is not listed.
        keys: keyspace.safeParse(usual[`db${session.database}`]).data?.keys ?? 0,
        info: asked,
      };
    });
  },
});

function parseFigures(fields: JsonObject, connection: string): z.infer<typeof figures> {
  const parsed = figures.safeParse(fields);
  if (parsed.success) return parsed.data;
  const missing = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new StepError('invalid_response', `Redis "${connection}": INFO has no proper ${missing}`, { happened: 'nothing' });
}
