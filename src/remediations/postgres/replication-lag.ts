import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { selectElapsedMs } from './elapsed-ms.ts';
import { withPostgresSession, type PostgresSession } from './postgres-session.ts';
import { requireReadAllStats } from './session-rights.ts';

const LONGEST_LIST = 100;

const replica = z.object({
  name: z.string(),
  user: z.string(),
  client_address: z.string(),
  state: z.string(),
  sync_state: z.string(),
  lag: z.number(),
  lag_bytes: z.number(),
});
const slot = z.object({
  name: z.string(),
  type: z.string(),
  active: z.boolean(),
  wal_status: z.string(),
  retained_bytes: z.number(),
});
const standby = z.object({ connected: z.int(), lag: z.number(), lag_bytes: z.number() });

/** How far standbys are behind, seen from whichever server the connection leads to. */
export const replicationLag = defineRemediation({
  name: 'postgres.replication_lag',
  summary: 'Measures how far the standbys are behind their primary, and what replication slots keep; works on both.',
  notes: [
    'Needs a role that sees replication: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO remedyd;',
    'GRANT pg_read_all_stats TO remedyd;` Without that grant the step fails with `permission_denied`.',
    '',
    'On a primary, `replicas` are the standbys (and logical subscribers) that are connected at this moment: one that is gone has no row',
    'and no lag, so check `connected` too, e.g. `output.connected >= 2 && output.lag < duration("1m")`. Its slot, if it has one, is',
    'not `active`, and keeps WAL on the primary until the disk is full (`retained_bytes`).',
    'On a standby, `lag` is 0 while it streams and has replayed all that it got; otherwise it is the age of the last transaction that it',
    'replayed (before the first one, the age of the server process). On a primary that nobody writes to, a standby that does not',
    'stream therefore shows a lag that grows. A standby knows only what it was sent: `lag_bytes` is what it got and has not replayed.',
  ].join('\n'),
  connection: 'postgres',
  params: {},
  outputs: {
    role: { type: 'string', description: '`primary` or `standby`' },
    connected: {
      type: 'int',
      description: 'On a primary: how many replicas stream or catch up. On a standby: 1 while it streams, else 0',
    },
    lag: { type: 'duration', description: 'How far the slowest replica, or this standby, is behind in time' },
    lag_bytes: { type: 'bytes', description: 'The same in WAL that is not replayed yet' },
    replicas: {
      type: 'list',
      description: `Of a server that others replicate from, the slowest first: name, user, client_address, state, sync_state, lag (ms), lag_bytes; at most ${LONGEST_LIST}`,
    },
    replication_slots: {
      type: 'list',
      description: `Those that keep most WAL first: name, type, active, wal_status, retained_bytes; at most ${LONGEST_LIST}`,
    },
  },
  example: {
    role: 'primary',
    connected: 1,
    lag: 120,
    lag_bytes: 16_384,
    replicas: [
      {
        name: 'standby1',
        user: 'replicator',
        client_address: '10.0.0.9',
        state: 'streaming',
        sync_state: 'async',
        lag: 120,
        lag_bytes: 16_384,
      },
    ],
    replication_slots: [{ name: 'standby1', type: 'physical', active: true, wal_status: 'reserved', retained_bytes: 16_384 }],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `measure the replication of PostgreSQL "${name}"`,
      identity: { connection: name },
      touches: [],
      data: null,
    });
  },

  run(_plan, context) {
    const { name } = context.connection;
    return withPostgresSession(context, async (session) => {
      await requireReadAllStats(session, name);
      const isStandby = (await readOne(session, name, z.object({ it: z.boolean() }), 'SELECT pg_is_in_recovery() AS it')).it;
      // The newest position that this server has itself.
      const position = isStandby ? 'pg_last_wal_replay_lsn()' : 'pg_current_wal_lsn()';
      const replicas = await readReplicas(session, position);
      const replication_slots = await readSlots(session, position);
      const own = isStandby ? await readStandby(session, name) : summarize(replicas);
      return { role: isStandby ? 'standby' : 'primary', ...own, replicas, replication_slots };
    });
  },
});

/** The slowest first. A replica that is idle and has everything reports no lag; a base backup that is taken is no replica. */
function readReplicas(session: PostgresSession, position: string): Promise<z.infer<typeof replica>[]> {
  return session.read(
    replica,
    `SELECT application_name AS name, coalesce(usename, '') AS user, coalesce(host(client_addr), '') AS client_address,
       state, coalesce(sync_state, '') AS sync_state,
       coalesce(round(extract(epoch FROM replay_lag) * 1000), 0)::float8 AS lag,
       greatest(0, pg_wal_lsn_diff(${position}, coalesce(replay_lsn, flush_lsn, sent_lsn)))::float8 AS lag_bytes
     FROM pg_stat_replication WHERE state IN ('streaming', 'catchup') AND coalesce(replay_lsn, flush_lsn, sent_lsn) IS NOT NULL
     ORDER BY lag_bytes DESC, lag DESC, name LIMIT ${LONGEST_LIST}`,
  );
}

function readSlots(session: PostgresSession, position: string): Promise<z.infer<typeof slot>[]> {
  return session.read(
    slot,
    `SELECT slot_name AS name, slot_type AS type, active, coalesce(wal_status, '') AS wal_status,
       greatest(0, coalesce(pg_wal_lsn_diff(${position}, restart_lsn), 0))::float8 AS retained_bytes
     FROM pg_replication_slots ORDER BY retained_bytes DESC, name LIMIT ${LONGEST_LIST}`,
  );
}

function readStandby(session: PostgresSession, connection: string): Promise<z.infer<typeof standby>> {
  return readOne(
    session,
    connection,
    standby,
    `SELECT streams.it::int AS connected,
       CASE WHEN streams.it AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
         ELSE ${selectElapsedMs('coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())')} END AS lag,
       greatest(0, coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0))::float8 AS lag_bytes
     FROM (SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS it) AS streams`,
  );
}

function summarize(replicas: readonly z.infer<typeof replica>[]): z.infer<typeof standby> {
  return {
    connected: replicas.length,
    lag: replicas.reduce((most, { lag }) => Math.max(most, lag), 0),
    lag_bytes: replicas.reduce((most, { lag_bytes }) => Math.max(most, lag_bytes), 0),
  };
}

async function readOne<T extends z.ZodType>(
  session: PostgresSession,
  connection: string,
  schema: T,
  text: string,
): Promise<z.infer<T>> {
  const [row] = await session.read(schema, text);
  if (row !== undefined) return row;
  throw new StepError('invalid_response', `PostgreSQL "${connection}": no row in answer to a question about replication`, {
    happened: 'nothing',
  });
}
