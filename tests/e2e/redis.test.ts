import { Redis } from 'ioredis';
import { startStack, type Stack } from '../support/daemon-stack.ts';
import { isResolved, lastRun, outputOf } from '../support/daemon-timeline.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startRedis } from '../support/servers/redis.ts';

const OTHER_KEYS = 60;
/** A tenth of the memory. */
const LAST_PAGES = 90;

const ALERTS = `
groups:
  - name: redis
    rules:
      - { alert: RedisMemoryFull, expr: redis_memory_ratio > 0.9 }
`;

const RULES = `
rules:
  - name: redis-memory-full
    mode: auto
    matchers: ['alertname = "RedisMemoryFull"']
    target: redis/{{ labels.cluster }}
    steps:
      - { id: before, uses: redis.info, with: { section: memory } }
      - { id: clear, uses: redis.delete_keys, with: { match: 'cache:*', batch: 100 } }
    safety: { allow_destructive: true }
    verify:
      checks: [{ uses: redis.info, expect: 'output.memory_ratio < 0.8', within: 20s }]
      resolved_within: 30s
`;

async function memoryRatio(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  const figure = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return figure('used_memory') / figure('maxmemory');
}

/** Everything that is not a cached page, as Redis would write it to disk, with its remaining life. */
async function dumpOthers(redis: Redis): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).filter((key) => !key.startsWith('cache:')).sort();
  const entries = keys.map(async (key) => [
    key,
    `${String(await redis.expiretime(key))} ${(await redis.dumpBuffer(key)).toString('base64')}`,
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

/** Keys of other types and names, some of which look almost like cached pages. */
async function writeOthers(redis: Redis): Promise<void> {
  for (let index = 0; index < OTHER_KEYS; index++) await redis.set(`session:${String(index)}`, 'x'.repeat(200), 'EX', 86_400);
  await redis.hset('user:1', { name: 'alice', role: 'admin' });
  await redis.rpush('queue:mail', 'one', 'two', 'three');
  await redis.zadd('ranking', 1, 'a', 2, 'b');
  await redis.set('cache', 'no colon');
  await redis.set('Cache:upper', 'another case');
  await redis.set('my:cache:1', 'not at the beginning');
}

/** Writes cached pages until Redis is nearly full; returns how many. The last ones come at once, so that no repair begins between them. */
async function fillWithPages(redis: Redis): Promise<number> {
  let pages = 0;
  const writePage = (): Promise<unknown> => redis.set(`cache:page:${String(pages++)}`, 'p'.repeat(8_000));
  while ((await memoryRatio(redis)) < 0.85) await writePage();
  await Promise.all(Array.from({ length: LAST_PAGES }, writePage));
  return pages;
}

describeWith(['redis', 'prometheus', 'alertmanager'], 'Redis is almost full', () => {
  const started = new AsyncDisposableStack();
  let redis: Redis;
  let stack: Stack;

  beforeAll(async () => {
    const settings = { maxmemory: '8mb', 'maxmemory-policy': 'noeviction' };
    const server = started.adopt(await startRedis({ settings }), (it) => it.stop());
    redis = started.adopt(new Redis(server.url), (it) => it.disconnect());
    await redis.call('ACL', 'SETUSER', 'remedyd', 'on', '>secret', '~cache:*', '+scan', '+unlink', '+info', '+ping');
    const url = new URL(server.url);
    url.username = 'remedyd';
    url.password = 'secret';
    const options = {
      measures: [{ metric: 'redis_memory_ratio', labels: { cluster: 'pages' }, read: () => memoryRatio(redis) }],
      alerts: ALERTS,
      rules: RULES,
      config: { connections: { redis: { pages: { url: url.href } } } },
    };
    stack = started.adopt(await startStack(options), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  it('deletes the cached pages and no other key, verifies it, and the alert resolves', async () => {
    await writeOthers(redis);
    const before = await dumpOthers(redis);
    const pages = await fillWithPages(redis);
    const incident = await stack.daemon.waitForIncident('redis-memory-full', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'redis/pages', outcome: 'verified' });
    expect(outputOf(run, 'clear')).toEqual({ deleted: pages, remaining: 0 });
    expect(await redis.keys('cache:*')).toEqual([]);
    expect(Object.keys(before)).toHaveLength(OTHER_KEYS + 6);
    expect(await dumpOthers(redis)).toEqual(before);
    expect(stack.exporter.failures).toEqual([]);
  });
});
