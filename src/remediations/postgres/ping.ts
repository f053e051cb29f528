import { z } from 'zod';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { isNotAccepting } from './postgres-error.ts';
import { withPostgresSession, type SessionContext } from './postgres-session.ts';

const LONGEST_PING_MS = 5_000;
// A ping that gives up before its step does can still answer "not ready" instead of failing.
const SHARE_OF_STEP = 0.8;

const answer = z.object({ version: z.string(), in_recovery: z.boolean() });

/** Whether a server takes connections and answers; a server that does not is an output, not a failure. */
export const ping = defineRemediation({
  name: 'postgres.ping',
  summary: 'Connects, asks PostgreSQL a question and says whether it answered.',
  notes: [
    'Needs a role that may connect: `CREATE ROLE remedyd LOGIN PASSWORD …; GRANT CONNECT ON DATABASE app TO remedyd;`',
    '',
    'A server that cannot be reached, is starting, has no connection left or does not answer within 5s (or four fifths of the',
    'timeout, if that is less) gives `ready: false` and the `reason`, so that `expect: output.ready` with `within: 2m` waits for it.',
    'So does a server that refuses the credentials (`permission_denied`): it runs, but nothing can be done with it.',
    'With `starting` the server is up, and works through its log after a crash or a restart: restarting it again makes it begin anew.',
    'PostgreSQL has one code (57P03) for that, for shutting down, and for a standby without `hot_standby`, which stays so.',
    'A standby is ready; ask for `output.ready && !output.in_recovery` where writes are needed.',
  ].join('\n'),
  connection: 'postgres',
  params: {},
  outputs: {
    ready: { type: 'bool', description: 'Whether the server took the connection and answered' },
    version: { type: 'string', description: 'Server version, e.g. 15.8; empty when not ready' },
    in_recovery: { type: 'bool', description: 'Whether the server is a standby or recovers; false when not ready' },
    starting: {
      type: 'bool',
      description: 'Whether the server runs but takes no connections: it starts, recovers after a crash, or shuts down',
    },
    latency: { type: 'duration', description: 'Time from connecting to the answer, or to giving up' },
    reason: {
      type: 'string',
      description: 'Empty when ready, else one word: unavailable, timeout, permission_denied, not_found, …',
    },
    message: { type: 'string', description: 'Empty when ready, else the reason in one line' },
  },
  example: { ready: true, version: '15.8', in_recovery: false, starting: false, latency: 12, reason: '', message: '' },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return Promise.resolve({
      summary: `ping PostgreSQL "${name}"`,
      identity: { connection: name },
      touches: [],
      data: null,
    });
  },

  async run(_plan, context) {
    const startedAt = context.clock.monotonic();
    const latency = (): number => Math.round(context.clock.monotonic() - startedAt);
    const limitMs = Math.min(LONGEST_PING_MS, context.timeoutMs * SHARE_OF_STEP);
    using limit = context.clock.timeout(limitMs, context.signal);
    try {
      const { version, in_recovery } = await askServer({ ...context, timeoutMs: limitMs, signal: limit.signal });
      return { ready: true, version, in_recovery, starting: false, latency: latency(), reason: '', message: '' };
    } catch (error) {
      if (context.signal.aborted || !(error instanceof StepError) || error.code === 'invalid_value') throw error;
      const starting = isNotAccepting(error);
      return {
        ready: false,
        version: '',
        in_recovery: false,
        starting,
        latency: latency(),
        reason: error.code,
        message: error.message,
      };
    }
  },
});

function askServer(context: SessionContext): Promise<z.infer<typeof answer>> {
  return withPostgresSession(context, async (session) => {
    const [row] = await session.read(
      answer,
      `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, pg_is_in_recovery() AS in_recovery`,
    );
    if (row !== undefined) return row;
    throw new StepError('invalid_response', `PostgreSQL "${context.connection.name}": no row in answer to a ping`, {
      happened: 'nothing',
    });
  });
}
