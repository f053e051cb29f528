import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { findProgram } from './server-catalog.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { createTemporaryDirectory } from './temporary-directory.ts';

/** A Redis for one test file. `url` holds the password when there is one. `process` is absent for a server that was found. */
export interface TestRedis {
  readonly url: string;
  readonly process?: ServerProcess;
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Directives of redis.conf, such as `{ maxmemory: '2mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly password?: string;
}

/** Starts a Redis without persistence on a free port. With `TEST_REDIS_URL` that server is flushed and used, unless options ask for an own one. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const found = process.env['TEST_REDIS_URL'];
  if (found !== undefined && found !== '' && Object.keys(options).length === 0) {
    await withRedis(found, (redis) => redis.flushall());
    return { url: found, stop: () => Promise.resolve() };
  }
  const command = findProgram('redis-server');
  if (command === undefined) {
    throw new Error('an own Redis is needed for this test: install the Debian package redis-server');
  }
  const port = await freePort();
  const folder = createTemporaryDirectory('redis');
  const url = `redis://${options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`}127.0.0.1:${String(port)}`;
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: folder.path,
    daemonize: 'no',
    ...(options.password === undefined ? {} : { requirepass: options.password }),
    ...options.settings,
  };
  const server = await startServerProcess({
    name: 'redis-server',
    command,
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    isReady: async () => {
      await withRedis(url, (redis) => redis.ping());
      return true;
    },
    cleanUp: folder.remove,
  });
  return { url, process: server, stop: server.stop };
}

async function withRedis<T>(url: string, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined); // the rejected command already says it
  try {
    await redis.connect();
    return await act(redis);
  } finally {
    redis.disconnect();
  }
}
