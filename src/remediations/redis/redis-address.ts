import { StepError } from '../../domain/remediation.ts';
import type { Secret } from '../../domain/secret.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Empty for the default user. */
  readonly username: string;
  readonly password: string;
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/**
 * Parses `redis[s]://[user[:password]@]host[:port][/database]`. Strict, because a part that was silently dropped could
 * lead to another database; errors never show the URL.
 */
export function parseRedisAddress(url: Secret, connection: string): RedisAddress {
  const fail = (text: string): never => {
    throw new StepError(
      'invalid_value',
      `Redis "${connection}": its url ${text}; expected redis[s]://[user:password@]host[:port][/database]`,
      {
        happened: 'nothing',
      },
    );
  };
  const parsed = URL.parse(url.reveal());
  if (parsed === null) return fail('cannot be read');
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') return fail('is not of redis: or rediss:');
  if (parsed.hostname === '') return fail('names no host');
  if (parsed.search !== '' || parsed.hash !== '') return fail('has options behind ? or #, which are not known');
  const database = /^\/?$/.test(parsed.pathname) ? '0' : /^\/(\d{1,5})$/.exec(parsed.pathname)?.[1];
  if (database === undefined) return fail('has a path that is not a database number');
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    tls: parsed.protocol === 'rediss:',
    username: decode(parsed.username) ?? fail('has a user that is not percent-encoded'),
    password: decode(parsed.password) ?? fail('has a password that is not percent-encoded'),
    database: Number(database),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
