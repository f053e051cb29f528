import { Redis } from 'ioredis';
import type { Act } from './act.ts';
import { startChild, type RunningChild } from './child-process.ts';
import { DemoError } from './demo-error.ts';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { isVerifiedAndResolved, playIncident } from './play-incident.ts';
import { waitUntil } from './wait-until.ts';

const MEMORY_MIB = 8;
const SICK_RATIO = 0.9;
const SESSIONS = 100;
const READY_WITHIN_MS = 10_000;

/** A Redis of its own that is full: the cache is deleted, the sessions of users stay. */
export async function prepareRedisAct(
  folder: string,
  cleanUp: AsyncDisposableStack,
): Promise<readonly Act[] | { readonly missing: string }> {
  const program = findProgram('redis-server');
  if (program === undefined) return { missing: 'Redis and its cache: install it (Debian: apt-get install redis-server)' };
  const port = await freePort();
  let seen = 0;
  return [
    {
      title: 'Redis is full: the cached pages are deleted, the sessions of users stay.',
      ending: 'Redis verified and resolved',
      ruleFile: { name: 'redis.yml', text: RULES },
      connections: { redis: { cache: { url: `redis://127.0.0.1:${String(port)}` } } },
      play: async (stage) => {
        const settings = { port: String(port), bind: '127.0.0.1', save: '', dir: folder, maxmemory: `${String(MEMORY_MIB)}mb` };
        const server = startChild(
          program,
          Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
          cleanUp,
        );
        const redis = await connect(port, server, cleanUp);
        await fill(redis);
        await playIncident(stage, {
          rule: 'redis-memory-full',
          alert: { labels: { alertname: 'RedisMemoryFull', severity: 'critical' }, summary: 'writes are about to be refused' },
          system: 'redis',
          isSick: async () => (seen = await usedRatio(redis)) > SICK_RATIO,
          sick: () => `${(seen * 100).toFixed(0)} % of ${String(MEMORY_MIB)} MiB are used`,
          well: () => `${(seen * 100).toFixed(0)} % of the memory is used`,
          isOver: isVerifiedAndResolved,
        });
        const left = await redis.keys('*');
        const sessions = left.filter((key) => key.startsWith('session:')).length;
        stage.tell(
          'redis',
          `${String(sessions)} of ${String(SESSIONS)} sessions are left, and ${String(left.length - sessions)} cached pages`,
        );
        if (sessions !== SESSIONS || left.length !== SESSIONS)
          throw new DemoError('the cached pages should be gone and the sessions should be there');
      },
    },
  ];
}

async function connect(port: number, server: RunningChild, cleanUp: AsyncDisposableStack): Promise<Redis> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  // The call that fails says it.
  redis.on('error', () => undefined);
  cleanUp.defer(() => redis.disconnect());
  return waitUntil(
    'Redis starts',
    async () => {
      if (server.isGone()) throw new DemoError(`Redis did not start: ${server.output()}`);
      try {
        await redis.connect();
        return redis;
      } catch {
        return undefined;
      }
    },
    READY_WITHIN_MS,
  );
}

async function fill(redis: Redis): Promise<void> {
  for (let user = 0; user < SESSIONS; user += 1) await redis.set(`session:${String(user)}`, 'logged in');
  const page = 'x'.repeat(4_096);
  for (let number = 0; (await usedRatio(redis)) <= SICK_RATIO + 0.03; number += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => redis.set(`cache:${String(number + index)}`, page)));
  }
}

async function usedRatio(redis: Redis): Promise<number> {
  const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1];
  return Number(used) / (MEMORY_MIB * 1_048_576);
}

const RULES = `rules:
  - name: redis-memory-full
    description: Deletes the cached pages, and nothing else.
    matchers: ['alertname = "RedisMemoryFull"']
    target: redis/cache
    mode: auto
    escalation_policy: standard
    steps:
      - { id: clear, uses: redis.delete_keys, with: { match: 'cache:*', limit: 100000 } }
    safety: { allow_destructive: true }
    verify:
      checks:
        - { uses: redis.info, with: { section: memory }, expect: 'output.memory_ratio < 0.8', within: 10s }
      resolved_within: 20s
`;
