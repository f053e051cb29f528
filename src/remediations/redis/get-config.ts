import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { isSecretParameter } from './config-limits.ts';
import { withRedisSession } from './redis-session.ts';
import { readServerParameter } from './server-parameter.ts';

/** One parameter of a server. */
export const getConfig = defineRemediation({
  name: 'redis.get_config',
  summary: 'Reads one parameter of Redis.',
  notes: [
    'Needs `ACL SETUSER remedyd on >… +config|get`, and `+select` where the URL names a database other than 0.',
    '',
    'Passwords are never read: names that end in `pass`, `password`, `auth`, `secret` or `token` are `not_allowed`. But who may run',
    '`CONFIG GET` can read them by hand, so grant it only where this is needed.',
  ].join('\n'),
  connection: 'redis',
  params: {
    name: {
      type: 'string',
      required: true,
      pattern: '[a-z][a-z0-9._-]*',
      description: 'Exact name, such as `maxmemory-policy`',
    },
  },
  outputs: {
    value: { type: 'string', description: 'As the server prints it: sizes in bytes, `yes` or `no`' },
    values: { type: 'list', description: 'Its words, for a parameter that takes several, such as `save`' },
  },
  example: { value: '3600 1 300 100', values: ['3600', '1', '300', '100'] },
  effect: () => 'read',
  inDoubt: 'repeat',

  async plan({ name: parameter }, context) {
    const { name } = context.connection;
    requireReadable(name, parameter);
    return await withRedisSession(context, async (session) => {
      await readServerParameter(session, parameter, name);
      return {
        summary: `read ${parameter} of Redis "${name}"`,
        identity: { connection: name, parameter },
        touches: [],
        data: { parameter },
      };
    });
  },

  async run(plan, context) {
    const { name } = context.connection;
    const { parameter } = plan.data;
    requireReadable(name, parameter);
    return await withRedisSession(context, async (session) => {
      const value = await readServerParameter(session, parameter, name);
      return { value, values: value.split(/\s+/).filter((word) => word !== '') };
    });
  },
});

function requireReadable(connection: string, parameter: string): void {
  if (!isSecretParameter(parameter)) return;
  throw new StepError('not_allowed', `Redis "${connection}": ${JSON.stringify(parameter)} is a secret and never read`, {
    happened: 'nothing',
  });
}
