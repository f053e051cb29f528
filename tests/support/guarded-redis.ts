import { Redis } from 'ioredis';
import type { RedisConnection } from '../../src/domain/connection.ts';
import { Secret } from '../../src/domain/secret.ts';
import { startRedis, type TestRedis } from './servers/redis.ts';

const PASSWORD = 'geheim';

/** An own Redis whose users have rights of their own. */
export interface GuardedRedis extends TestRedis {
  readonly pid: number;
  /** Creates (or resets) a user with these ACL rules, such as `~session:* +scan`, and returns the URL to connect as it. */
  createUser(name: string, rules: string, database?: number): Promise<string>;
  /** Works as the administrator in a database. */
  admin(database?: number): Redis;
  /** Every key of a database with its serialized value. */
  dump(database?: number): Promise<Readonly<Record<string, string>>>;
}

export async function startGuardedRedis(settings: Readonly<Record<string, string>> = {}): Promise<GuardedRedis> {
  const server = await startRedis({ settings: { loglevel: 'warning', ...settings } });
  if (server.process === undefined) throw new Error('the server is not our own');
  const clients = new Map<number, Redis>();
  const admin = (database = 0): Redis => {
    const client = clients.get(database) ?? new Redis(server.url, { db: database });
    clients.set(database, client);
    return client;
  };
  return {
    ...server,
    pid: server.process.pid,
    admin,
    createUser: async (name, rules, database = 0) => {
      await admin().call('ACL', 'SETUSER', name, 'reset', 'on', `>${PASSWORD}`, ...rules.split(' '));
      const url = new URL(server.url);
      return `redis://${name}:${PASSWORD}@${url.host}/${database}`;
    },
    dump: async (database = 0) => {
      const keys = (await admin(database).keysBuffer('*')).sort((a, b) => a.compare(b));
      const values = await Promise.all(keys.map((key) => admin(database).dumpBuffer(key)));
      return Object.fromEntries(keys.map((key, index) => [key.toString('latin1'), values[index]?.toString('hex') ?? '']));
    },
    stop: async () => {
      for (const client of clients.values()) await client.quit();
      await server.stop();
    },
  };
}

/** The connection "cache" of remedyd that leads to `url`. */
export function redisConnection(url: string, allowFlush = false): RedisConnection {
  return { kind: 'redis', name: 'cache', url: new Secret(url), allowFlush, allowConfig: [], backupDirectories: [] };
}
