import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { countKeys, deleteKeys as deleteMatchingKeys, type KeySelection } from './matching-keys.ts';
import { withRedisSession } from './redis-session.ts';
import { requireSameDatabase } from './same-database.ts';

/** Deletes the keys whose names begin with some text and match a glob. */
export const deleteKeys = defineRemediation({
  name: 'redis.delete_keys',
  summary: 'Deletes keys by a pattern with a literal prefix, in batches, at most `limit`; no other key is touched.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… ~session:* +scan +unlink`, with the patterns that it may ever delete, and `+select` where the URL',
    'names a database other than 0.',
    '',
    'Keys are looked for with SCAN and deleted with UNLINK, which frees memory in the background: neither blocks the server. No more',
    'are deleted than the plan counted; keys written meanwhile are left or take the place of others that match. In a cluster, only',
    'the keys of the node that the URL names are seen.',
    '',
    'The values of expressions in `match` are literal text: in `session:{{ labels.id }}:*` a label of `*` matches only keys with an',
    'asterisk. What is meant as a pattern has to be written in the step itself.',
  ].join('\n'),
  connection: 'redis',
  params: {
    match: {
      type: 'string',
      required: true,
      pattern: '[^*?\\[\\]\\\\](?s:.)*',
      place: 'glob',
      description:
        'Glob of the keys, e.g. `session:*`; begins with at least one literal character. Values of expressions inside it are literal text.',
    },
    type: {
      type: 'string',
      enum: ['string', 'list', 'set', 'zset', 'hash', 'stream'],
      description: 'Only keys that hold this type',
    },
    batch: { type: 'int', default: 500, min: 1, max: 10_000, description: 'Keys to look at in one command' },
    limit: {
      type: 'int',
      default: 10_000,
      min: 1,
      max: 1_000_000,
      description: 'The most keys to delete; the rest is `remaining`',
    },
  },
  outputs: {
    deleted: { type: 'int', description: 'Keys that were deleted' },
    remaining: {
      type: 'int',
      description: 'Matching keys that were left because of `limit` or came since the plan, counted up to `limit` + 1',
    },
  },
  example: { deleted: 1_200, remaining: 0 },
  effect: () => 'destructive',
  inDoubt: 'repeat',

  async plan({ match, type, batch, limit }, context) {
    const { name } = context.connection;
    requireLiteralPrefix(match);
    const selection: KeySelection = { match, type: type ?? null, batch };
    return await withRedisSession(context, async (session) => {
      const { database } = session;
      const found = await countKeys(session, selection, limit + 1);
      const count = Math.min(found, limit);
      const of = found > limit ? `${count} of more than ${limit}` : `${count}`;
      return {
        summary: `delete ${of} keys matching ${JSON.stringify(match)} in database ${database} of Redis "${name}"`,
        identity: { connection: name, database, match, type: type ?? null, limit },
        touches: [`redis:${name}`],
        count,
        data: { database, selection: { ...selection }, most: count, limit },
      };
    });
  },

  async run(plan, context) {
    const { database, selection, most, limit } = plan.data;
    return await withRedisSession(context, (session) => {
      requireSameDatabase(session, database, context.connection.name);
      return deleteMatchingKeys(session, selection, most, limit + 1);
    });
  },
});

// The parameter's pattern says so already; here it is certain, because without a prefix every key would match.
function requireLiteralPrefix(match: string): void {
  if (match !== '' && !/^[*?[\]\\]/.test(match)) return;
  throw new StepError('invalid_value', 'parameter "match" has to begin with a literal character, not with * ? [ ] or \\', {
    happened: 'nothing',
  });
}
