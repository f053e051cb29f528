import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { withRedisSession, type SessionContext } from './redis-session.ts';

const LONGEST_PING_MS = 5_000;
// A ping that gives up before its step does can still answer "no pong" instead of failing.
const SHARE_OF_STEP = 0.8;

/** Whether a server answers; one that does not is an output, not a failure. */
export const ping = defineRemediation({
  name: 'redis.ping',
  summary: 'Sends PING to Redis and says whether it answered.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… +ping`, and `+select` where the URL names a database other than 0.',
    '',
    'A server that cannot be reached, still loads its data or does not answer within 5s (or four fifths of the timeout, if that is',
    'less) gives `pong: false` and the `reason`, so that `expect: output.pong` with `within: 1m` waits for it. So does a server that',
    'refuses the credentials (`permission_denied`): it runs, but nothing can be done with it.',
  ].join('\n'),
  connection: 'redis',
  params: {},
  outputs: {
    pong: { type: 'bool', description: 'Whether the server answered' },
    latency: { type: 'duration', description: 'Time from connecting to the answer, or to giving up' },
    reason: { type: 'string', description: 'Empty with a pong, else one word: unavailable, timeout, permission_denied, …' },
    message: { type: 'string', description: 'Empty with a pong, else the reason in one line' },
  },
  example: { pong: true, latency: 2, reason: '', message: '' },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(_params, context) {
    const { name } = context.connection;
    return Promise.resolve({ summary: `ping Redis "${name}"`, identity: { connection: name }, touches: [], data: null });
  },

  async run(_plan, context) {
    const startedAt = context.clock.monotonic();
    const latency = (): number => Math.round(context.clock.monotonic() - startedAt);
    const limitMs = Math.min(LONGEST_PING_MS, context.timeoutMs * SHARE_OF_STEP);
    using limit = context.clock.timeout(limitMs, context.signal);
    try {
      await askServer({ ...context, timeoutMs: limitMs, signal: limit.signal });
      return { pong: true, latency: latency(), reason: '', message: '' };
    } catch (error) {
      if (context.signal.aborted || !(error instanceof StepError) || error.code === 'invalid_value') throw error;
      return { pong: false, latency: latency(), reason: error.code, message: error.message };
    }
  },
});

async function askServer(context: SessionContext): Promise<void> {
  const answer = await withRedisSession(context, (session) => session.read((client) => client.call('PING')));
  if (answer === 'PONG') return;
  throw new StepError('invalid_response', `Redis "${context.connection.name}": the answer to PING is not PONG`, {
    happened: 'nothing',
  });
}
