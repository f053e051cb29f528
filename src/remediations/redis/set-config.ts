import { defineRemediation } from '../../domain/remediation.ts';
import { lookAtParameter, planParameterChange, setServerParameter } from './server-parameter.ts';

/** Sets one parameter of a running server. */
export const setConfig = defineRemediation({
  name: 'redis.set_config',
  summary: "Sets one parameter of a running Redis that the connection's `allow_config` names.",
  notes: [
    'Needs `ACL SETUSER remedyd on >… +config|get +config|set`, and `+select` where the URL names a database other than 0. Redis cannot',
    'limit these rights to single parameters, so whoever has the password can set every one: with `dir` and `dbfilename`, files',
    'too. Guard the connection accordingly.',
    '',
    'remedyd sets only names of `allow_config`, exactly as they stand there, and some never, whatever it lists: `dir`, `dbfilename`,',
    '`appendfilename`, `appenddirname`, `logfile`, `pidfile`, `aclfile` (files elsewhere); `enable-*`, `lua-enable-*`, `loadmodule`,',
    '`sanitize-dump-payload` (code of others); names that end in `pass`, `password`, `auth`, `secret` or `token`, `masteruser`,',
    '`primaryuser` (credentials); `bind*`, `port`, `unixsocket*`, `protected-mode`, `tls-*`, `socket-mark-id` (who can reach it);',
    '`acl-pubsub-default`, `user`, `rename-command` (rights); `replicaof`, `cluster-*`, `replica-announce*` (other servers).',
    '',
    'It lasts until the server restarts: `CONFIG REWRITE` is not done, so the configuration file stays as it is. A `maxmemory` below',
    'what is in use makes the server evict keys at once.',
  ].join('\n'),
  connection: 'redis',
  params: {
    name: {
      type: 'string',
      required: true,
      pattern: '[a-z][a-z0-9._-]*',
      description: 'Exact name, such as `maxmemory`',
    },
    value: { type: 'string', required: true, description: 'As in redis.conf, such as `2gb`' },
  },
  outputs: {
    previous: { type: 'string', description: 'What the server held before' },
    value: { type: 'string', description: 'What it holds now, as it prints it' },
  },
  example: { previous: '1073741824', value: '2147483648' },
  effect: () => 'change',
  inDoubt: 'look',

  plan: ({ name, value }, context) => planParameterChange(context, name, value),
  run: (plan, context) => setServerParameter(context, plan.data),
  look: (plan, _startedAt, context) => lookAtParameter(context, plan.data),
});
