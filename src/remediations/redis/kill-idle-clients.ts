import { formatDuration } from '../../domain/duration.ts';
import type { JsonObject } from '../../domain/json.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { findIdleClients, killIdleClients as endIdleClients, type IdleClientFilter } from './idle-clients.ts';
import type { ListedClient } from './parse-client-list.ts';
import { withRedisSession } from './redis-session.ts';

const LONGEST_LIST = 100;

/** Closes connections that have been idle for long, the longest first. */
export const killIdleClients = defineRemediation({
  name: 'redis.kill_idle_clients',
  summary: 'Closes connections of clients that have been idle for long, the longest idle first, at most `limit`.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… +client|list +client|kill`, and `+select` where the URL names a database other than 0.',
    '',
    "Never closed: remedyd's own connection, masters and replicas, subscribers, monitors, clients that wait in a blocking command, are in a",
    'transaction, watch keys or let the server track what they cache, and any whose flags are not known. The list is read again just',
    'before, and a client that has woken up or gone meanwhile is skipped; its id is never used for another. Redis cannot close a',
    'connection on the condition that it is idle: a client that sends a command in the same millisecond can lose its answer.',
    'Clients that keep a pool open connections anew when they next need them.',
  ].join('\n'),
  connection: 'redis',
  params: {
    idle_for: {
      type: 'duration',
      default: '10m',
      min: 1_000,
      description: 'Only clients idle for longer than this, at least 1s',
    },
    limit: { type: 'int', default: 100, min: 1, max: 10_000, description: 'The most clients to close; the rest is `remaining`' },
    user: { type: 'string', description: 'Only clients signed in as this user, by exact name' },
    name: { type: 'string', description: 'Only clients that call themselves so (CLIENT SETNAME), by exact name' },
    address: { type: 'string', description: 'Only clients from this IP address, or from this address and port' },
  },
  outputs: {
    killed: { type: 'int', description: 'Connections that were closed' },
    skipped: { type: 'int', description: 'Planned ones that had woken up or were gone' },
    remaining: { type: 'int', description: 'Clients that match and were left, because of `limit` or since the plan' },
    clients: {
      type: 'list',
      description: `The closed ones: id, address, name, user, database, command, age, idle (ms); at most ${LONGEST_LIST}`,
    },
  },
  example: {
    killed: 1,
    skipped: 0,
    remaining: 0,
    clients: [
      {
        id: 4711,
        address: '10.0.0.7:53122',
        name: 'web',
        user: 'app',
        database: 0,
        command: 'get',
        age: 7_200_000,
        idle: 3_600_000,
      },
    ],
  },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan(params, context) {
    const { name } = context.connection;
    const filter: IdleClientFilter = {
      idle_for_ms: params.idle_for,
      user: params.user ?? null,
      name: params.name ?? null,
      address: params.address ?? null,
    };
    return withRedisSession(context, async (session) => {
      const found = await findIdleClients(session, filter, name);
      const ids = found.slice(0, params.limit).map(({ id }) => id);
      return {
        summary: `close ${ids.length} of ${found.length} idle connections of Redis "${name}" (idle for > ${formatDuration(params.idle_for)}), oldest first`,
        identity: { connection: name, limit: params.limit, filter },
        touches: [`redis:${name}`],
        count: ids.length,
        data: { filter, ids },
      };
    });
  },

  run(plan, context) {
    const { filter, ids } = plan.data;
    const { name } = context.connection;
    return withRedisSession(context, async (session) => {
      const killed = await endIdleClients(session, ids, filter, name);
      const remaining = await findIdleClients(session, filter, name);
      return {
        killed: killed.length,
        skipped: ids.length - killed.length,
        remaining: remaining.length,
        clients: killed.slice(0, LONGEST_LIST).map(describeClient),
      };
    });
  },
});

function describeClient({ id, address, name, user, database, command, ageSeconds, idleSeconds }: ListedClient): JsonObject {
  return { id, address, name, user, database, command, age: ageSeconds * 1_000, idle: idleSeconds * 1_000 };
}
