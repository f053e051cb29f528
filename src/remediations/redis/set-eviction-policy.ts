import { defineRemediation } from '../../domain/remediation.ts';
import { lookAtParameter, planParameterChange, setServerParameter } from './server-parameter.ts';

/** Sets what a server evicts when its memory is full. */
export const setEvictionPolicy = defineRemediation({
  name: 'redis.set_eviction_policy',
  summary: 'Sets what Redis evicts when `maxmemory` is reached.',
  notes: [
    "Only where the connection's `allow_config` names `maxmemory-policy`. Needs `ACL SETUSER remedyd on >… +config|get +config|set`, and",
    '`+select` where the URL names a database other than 0; what these rights mean is said at `redis.set_config`.',
    '',
    'It lasts until the server restarts: `CONFIG REWRITE` is not done. With any policy but `noeviction`, a server that is full begins',
    'to delete keys at once: `allkeys-*` any of them, `volatile-*` those that expire.',
  ].join('\n'),
  connection: 'redis',
  params: {
    policy: {
      type: 'string',
      required: true,
      enum: [
        'noeviction',
        'allkeys-lru',
        'allkeys-lfu',
        'allkeys-random',
        'volatile-lru',
        'volatile-lfu',
        'volatile-random',
        'volatile-ttl',
      ],
      description: 'The policy to set',
    },
  },
  outputs: {
    previous: { type: 'string', description: 'The policy before' },
    policy: { type: 'string', description: 'The policy now' },
  },
  example: { previous: 'noeviction', policy: 'allkeys-lru' },
  effect: () => 'change',
  inDoubt: 'look',

  plan: ({ policy }, context) => planParameterChange(context, 'maxmemory-policy', policy),

  async run(plan, context) {
    const { previous, value } = await setServerParameter(context, plan.data);
    return { previous, policy: value };
  },

  async look(plan, _startedAt, context) {
    const found = await lookAtParameter(context, plan.data);
    if (found.state !== 'done') return found;
    return { state: 'done', output: { previous: plan.data.previous, policy: plan.data.value } };
  },
});
