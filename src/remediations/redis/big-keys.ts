import type { JsonObject } from '../../domain/json.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { measureKeys, type MeasuredKey } from './measure-keys.ts';
import { printableKey } from './printable-key.ts';
import { withRedisSession } from './redis-session.ts';
import { requireSameDatabase } from './same-database.ts';

const LONGEST_LIST = 100;
// What was measured until then is an answer, and a step that timed out has none.
const SHARE_OF_STEP = 0.8;

/** The keys of a sample that take the most memory. */
export const bigKeys = defineRemediation({
  name: 'redis.big_keys',
  summary: 'Measures a sample of the keys and names those that take the most memory.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… ~* +scan +memory|usage +type`, with `~*` or the patterns that `match` stays within, and `+select` where',
    'the URL names a database other than 0. A key that it may not read is `permission_denied`.',
    '',
    'Keys come in the order of SCAN, which is that of their hashes, so that a sample is as good as random. They are measured with',
    '`MEMORY USAGE`, 50 in one go: the server answers others in between. After four fifths of the timeout it stops and says what it has, with',
    '`complete: false`. Names of keys may tell about people: think about where the output is posted.',
    '',
    'The values of expressions in `match` are literal text, as in `redis.delete_keys`.',
  ].join('\n'),
  connection: 'redis',
  params: {
    match: {
      type: 'string',
      pattern: '[^*?\\[\\]\\\\](?s:.)*',
      place: 'glob',
      description: 'Only keys that match this glob; begins with at least one literal character',
    },
    sample: { type: 'int', default: 10_000, min: 1, max: 200_000, description: 'The most keys to measure' },
    limit: { type: 'int', default: 20, min: 1, max: LONGEST_LIST, description: 'The most keys to name' },
    samples: {
      type: 'int',
      default: 5,
      min: 1,
      max: 1_000,
      description: 'Elements of a list, set, hash, … to measure; the others are taken to be like them',
    },
  },
  outputs: {
    keys: { type: 'list', description: 'The biggest: key, type, bytes; characters that are no text as \\xNN' },
    sampled: { type: 'int', description: 'Keys that were measured' },
    bytes: { type: 'bytes', description: 'What they take together' },
    complete: { type: 'bool', description: 'Whether every key that matches was measured' },
  },
  example: {
    keys: [{ key: 'queue:events', type: 'list', bytes: 104_857_600 }],
    sampled: 10_000,
    bytes: 157_286_400,
    complete: false,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ match, sample, limit, samples }, context) {
    const { name } = context.connection;
    return withRedisSession(context, ({ database }) =>
      Promise.resolve({
        summary: `measure at most ${sample} keys${match === undefined ? '' : ` matching ${JSON.stringify(match)}`} in database ${database} of Redis "${name}"`,
        identity: { connection: name, database, match: match ?? null, sample, limit },
        touches: [],
        data: { database, match: match ?? '*', sample, limit, samples },
      }),
    );
  },

  run(plan, context) {
    const { database, match, sample, limit, samples } = plan.data;
    const endsAt = context.clock.monotonic() + context.timeoutMs * SHARE_OF_STEP;
    const hasTime = (): boolean => context.clock.monotonic() < endsAt;
    return withRedisSession(context, async (session) => {
      requireSameDatabase(session, database, context.connection.name);
      const found = await measureKeys(session, { match, most: sample, samples, kept: limit, hasTime });
      const named: JsonObject[] = [];
      for (const measured of found.biggest) named.push(await describeKey(measured));
      return { keys: named, sampled: found.sampled, bytes: found.bytes, complete: found.complete };

      async function describeKey({ key, bytes }: MeasuredKey): Promise<JsonObject> {
        return { key: printableKey(key), type: await session.read((client) => client.type(key)), bytes };
      }
    });
  },
});
