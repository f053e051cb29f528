/** One connection of a client, as the server lists it. */
export interface ListedClient {
  /** Never used for another client of the same server, as long as it runs. */
  readonly id: number;
  /** Address and port, or the path of a socket. */
  readonly address: string;
  /** What the client calls itself; often empty. */
  readonly name: string;
  /** Empty for a server older than Redis 6, which knows no users. */
  readonly user: string;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  readonly database: number;
  /** The last command. */
  readonly command: string;
  /** Whether it does nothing but send commands: no replica, subscriber, monitor, and neither blocked nor in a transaction. */
  readonly isPlain: boolean;
}

// Flags of clients that may be ended: N nothing special, U over a Unix socket, r read-only in a cluster, e and T about eviction and
// LRU. All others, also those of later versions, protect: https://redis.io/docs/latest/commands/client-list/
const PLAIN_FLAGS = /^[NUreT]+$/;
// Subscriptions and watched keys.
const BUSY_FIELDS = ['sub', 'psub', 'ssub', 'watch'];

/** Parses the answer of CLIENT LIST; lines without a proper id, age, idle time and flags are left out, and so never ended. */
export function parseClientList(text: string): ListedClient[] {
  return text
    .split('\n')
    .map((line) => parseLine(line.trim()))
    .filter((client) => client !== undefined);
}

function parseLine(line: string): ListedClient | undefined {
  // Neither names nor users may hold spaces; the path of a socket may, so that a value ends where the next field begins.
  const fields = new Map(
    [...line.matchAll(/(?:^|\s)([a-z-]+)=(.*?)(?=\s[a-z-]+=|$)/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const count = (field: string): number | undefined => {
    const value = fields.get(field);
    return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const id = count('id');
  const ageSeconds = count('age');
  const idleSeconds = count('idle');
  const flags = fields.get('flags');
  if (id === undefined || ageSeconds === undefined || idleSeconds === undefined || flags === undefined) return undefined;
  return {
    id,
    address: fields.get('addr') ?? '',
    name: fields.get('name') ?? '',
    user: fields.get('user') ?? '',
    ageSeconds,
    idleSeconds,
    database: count('db') ?? 0,
    command: fields.get('cmd') ?? '',
    isPlain: PLAIN_FLAGS.test(flags) && fields.get('multi') === '-1' && BUSY_FIELDS.every((field) => (count(field) ?? 0) === 0),
  };
}
