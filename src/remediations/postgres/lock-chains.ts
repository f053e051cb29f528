import { z } from 'zod';
import { formatDuration } from '../../domain/duration.ts';
import type { JsonObject } from '../../domain/json.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { selectElapsedMs } from './elapsed-ms.ts';
import { findRootBlockers } from './find-root-blockers.ts';
import { instant } from './instant.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { queryText, QUERY_TEXT_NOTE, selectQueryText } from './query-text.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;
/** What PostgreSQL says for "a prepared transaction", which no process holds. */
const PREPARED_TRANSACTION_PID = 0;

const lockWait = z.object({
  pid: z.int(),
  waited: z.number(),
  blocked_by: z.array(z.int()),
  lock: z.string(),
  mode: z.string(),
  relation: z.string(),
});

const process = z.object({
  pid: z.int(),
  user: z.string(),
  database: z.string(),
  application_name: z.string(),
  client_address: z.string(),
  backend_type: z.string(),
  state: z.string(),
  transaction_started_at: instant,
  query: queryText,
});
type Process = z.infer<typeof process>;

const PREPARED_TRANSACTION: Process = {
  pid: PREPARED_TRANSACTION_PID,
  user: '',
  database: '',
  application_name: '',
  client_address: '',
  backend_type: '',
  state: 'prepared transaction',
  transaction_started_at: null,
  query: '',
};

/** Who waits for locks, and who keeps them waiting in the end. */
export const lockChains = defineRemediation({
  name: 'postgres.lock_chains',
  summary: 'Lists the sessions that wait for locks and those at the root of their chains, which wait for no lock themselves.',
  notes: [
    'Needs a role that sees the sessions of others: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO remedyd;',
    'GRANT pg_read_all_stats TO remedyd;` Without that grant the step fails with `permission_denied`.',
    'Needs PostgreSQL 14 or newer, which tells since when a lock is waited for.',
    '',
    'A root with `pid` 0 is a prepared transaction (`pg_prepared_xacts` names it): it has no session, and ends by',
    '`COMMIT PREPARED` or `ROLLBACK PREPARED`. A deadlock has no root; PostgreSQL ends it by itself after `deadlock_timeout`.',
    'Each look at a waiting session holds up the lock manager for a moment: do not run it every second on a busy server.',
    ...QUERY_TEXT_NOTE,
  ].join('\n'),
  connection: 'postgres',
  params: {
    waiting_for: {
      type: 'duration',
      default: '0s',
      description: 'Only sessions that have waited, and roots that were waited for, for at least this long',
    },
    limit: { type: 'int', default: 20, min: 1, max: LONGEST_LIST, description: 'How many to list, of each kind' },
  },
  outputs: {
    waiting: { type: 'int', description: 'Sessions that wait for a lock, with those beyond `limit`' },
    longest_wait: { type: 'duration', description: 'How long the first of them has waited; 0 when there is none' },
    blockers: {
      type: 'list',
      description:
        'The roots, the longest waited for first: pid, user, database, application_name, client_address, backend_type, state, transaction_started_at, query (the current or last one), blocking_for (ms: how long the first that waits for it directly has waited), victims (how many wait because of it, directly or behind others)',
    },
    victims: {
      type: 'list',
      description:
        'Those that wait, the longest first: pid, user, database, application_name, client_address, query, waited (ms), blocked_by (pids), lock (its type), mode, relation (empty when it is none of this database)',
    },
  },
  example: {
    waiting: 1,
    longest_wait: 95_000,
    blockers: [
      {
        pid: 4711,
        user: 'migration',
        database: 'app',
        application_name: 'psql',
        client_address: '10.0.0.7',
        backend_type: 'client backend',
        state: 'idle in transaction',
        transaction_started_at: '2026-01-31T11:58:00.123Z',
        query: 'LOCK TABLE orders',
        blocking_for: 95_000,
        victims: 1,
      },
    ],
    victims: [
      {
        pid: 4712,
        user: 'web',
        database: 'app',
        application_name: 'puma',
        client_address: '10.0.0.8',
        query: 'SELECT * FROM orders WHERE id = $1',
        waited: 95_000,
        blocked_by: [4711],
        lock: 'relation',
        mode: 'AccessShareLock',
        relation: 'public.orders',
      },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ waiting_for, limit }, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `list the lock chains of PostgreSQL "${name}" (waiting for >= ${formatDuration(waiting_for)})`,
      identity: { connection: name, waiting_for_ms: waiting_for, limit },
      touches: [],
      data: { waiting_for_ms: waiting_for, limit },
    });
  },

  run({ data }, context) {
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, context.connection.name);
      const waits = await readWaits(session);
      const roots = findRootBlockers(waits)
        .filter(({ blocking_for }) => blocking_for >= data.waiting_for_ms)
        .slice(0, data.limit);
      const long = waits.filter(({ waited }) => waited >= data.waiting_for_ms);
      const shown = long.slice(0, data.limit);
      const processes = await readProcesses(
        session,
        [...roots, ...shown].map(({ pid }) => pid),
      );
      return {
        waiting: long.length,
        longest_wait: long[0]?.waited ?? 0,
        blockers: describe(roots, processes, (root, found) => ({ ...found, ...root })),
        victims: describe(shown, processes, (wait, { user, database, application_name, client_address, query }) => ({
          ...{ pid: wait.pid, user, database, application_name, client_address, query },
          ...wait,
        })),
      };
    });
  },
});

/** All waits, the longest first. One that ended while it was looked at waits for nobody and is left out. */
async function readWaits(session: PostgresSession): Promise<z.infer<typeof lockWait>[]> {
  const waits = await session.read(
    lockWait,
    `SELECT waiter.pid, coalesce(${selectElapsedMs('waiter.waitstart')}, 0) AS waited, pg_blocking_pids(waiter.pid) AS blocked_by,
       waiter.locktype AS lock, waiter.mode,
       CASE WHEN waiter.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         THEN coalesce(waiter.relation::regclass::text, '') ELSE '' END AS relation
     FROM pg_locks AS waiter WHERE NOT waiter.granted ORDER BY waiter.waitstart, waiter.pid`,
  );
  return waits.filter(({ blocked_by }) => blocked_by.length > 0);
}

async function readProcesses(session: PostgresSession, pids: readonly number[]): Promise<ReadonlyMap<number, Process>> {
  const found = await session.read(
    process,
    `SELECT pid, coalesce(usename, '') AS user, coalesce(datname, '') AS database, application_name,
       coalesce(host(client_addr), '') AS client_address, backend_type, coalesce(state, '') AS state,
       xact_start AS transaction_started_at, ${selectQueryText('query')} AS query
     FROM pg_stat_activity WHERE pid = ANY ($1)`,
    [pids],
  );
  return new Map([PREPARED_TRANSACTION, ...found].map((one) => [one.pid, one]));
}

/** What is known of each; what has ended since is left out. */
function describe<T extends { readonly pid: number }>(
  items: readonly T[],
  processes: ReadonlyMap<number, Process>,
  merge: (item: T, found: Process) => JsonObject,
): readonly JsonObject[] {
  return items.flatMap((item) => {
    const found = processes.get(item.pid);
    return found === undefined ? [] : [merge(item, found)];
  });
}
