import type { RedisConnection } from '../../domain/connection.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { withRedisSession } from './redis-session.ts';
import { requireSameDatabase } from './same-database.ts';

/** Deletes every key of one database. */
export const flushDb = defineRemediation({
  name: 'redis.flush_db',
  summary: "Deletes every key in the database of the connection's URL; other databases of the server stay.",
  notes: [
    'Only where the connection says `allow_flush: true`. Needs `ACL SETUSER remedyd on >… +dbsize +flushdb`, and `+select` where the',
    'URL names a database other than 0.',
    '',
    'It is `FLUSHDB ASYNC`: the keys are gone at once, and the server stays responsive while it frees their memory in the background, so',
    '`used_memory` falls a moment later. When it is not known whether it happened, a person is asked: a second flush would also',
    'delete what was written since the first.',
  ].join('\n'),
  connection: 'redis',
  params: {},
  outputs: {
    deleted: { type: 'int', description: 'Keys there were just before the flush' },
  },
  example: { deleted: 52_310 },
  effect: () => 'destructive',
  inDoubt: 'ask',

  async plan(_params, context) {
    const { name } = context.connection;
    requireFlushAllowed(context.connection);
    return await withRedisSession(context, async (session) => {
      const keys = await session.read((client) => client.dbsize());
      const { database } = session;
      return {
        summary: `delete all ${keys} keys of database ${database} of Redis "${name}"`,
        identity: { connection: name, database },
        touches: [`redis:${name}`],
        count: keys,
        data: { database },
      };
    });
  },

  async run(plan, context) {
    requireFlushAllowed(context.connection);
    return await withRedisSession(context, async (session) => {
      requireSameDatabase(session, plan.data.database, context.connection.name);
      const deleted = await session.read((client) => client.dbsize());
      await session.change((client) => client.flushdb('ASYNC'));
      return { deleted };
    });
  },
});

function requireFlushAllowed(connection: RedisConnection): void {
  if (connection.allowFlush) return;
  throw new StepError(
    'not_allowed',
    `Redis "${connection.name}": flushing is off; its connection would have to say allow_flush: true`,
    {
      happened: 'nothing',
    },
  );
}
