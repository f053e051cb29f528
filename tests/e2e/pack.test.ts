import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { load } from 'js-yaml';
import { Client } from 'pg';
import * as z from 'zod';
import { startStack, type Stack } from '../support/daemon-stack.ts';
import { hasEnded, isResolved, lastRun, outputOf } from '../support/daemon-timeline.ts';
import type { Measure } from '../support/exporter.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startPostgres, type TestPostgres } from '../support/servers/postgres.ts';
import { startRedis } from '../support/servers/redis.ts';

const PROJECT = join(import.meta.dirname, '../..');
const MAX_CONNECTIONS = 30;
const IDLE_CLIENTS = 23; // with the two others, more than 80 %, and one is left for who repairs it
const STALE_ENTRIES = 1_200;

const ACTING = ['dean-postgres-connections-exhausted', 'dean-authentication-failures'];

/** The secrets that the example takes from the environment, beside those of the daemon itself. */
const SECRETS = { POSTGRES_PASSWORD: 'a', REDIS_PASSWORD: 'b', DEAN_API_TOKEN: 'c', AIRFLOW_PASSWORD: 'd' };

const example = z.object({
  people: z.record(z.string(), z.unknown()),
  roles: z.record(z.string(), z.array(z.string())),
  approval: z.record(z.string(), z.unknown()),
  connections: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()))),
  time_intervals: z.array(z.object({ name: z.string() })),
});

function readProjectFile(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** The text with another in its place; it has to be there. */
function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the pack no longer says ${from}`);
  return text.replaceAll(from, to);
}

/** The pack as it is shipped, with two rules set to act; what takes minutes there takes a second here. */
function packRules(): string {
  const rules = ACTING.reduce(
    (text, rule) => replaced(text, `- name: ${rule} `, `- mode: auto\n    name: ${rule} `),
    readProjectFile('rules/dean.yml'),
  );
  return replaced(replaced(rules, 'idle_for: 10m', 'idle_for: 1s'), 'stable_for: 30s', 'stable_for: 1s');
}

/** Its alerts, on the same metrics and thresholds. */
function packAlerts(): string {
  const alerts = readProjectFile('alertmanager-config/alerts/dean.rules.yml');
  return replaced(alerts, '[5m]', '[5s]').replaceAll(/\bfor: \w+/g, 'for: 1s');
}

/** The example's configuration, with these two servers for its own, and no window that a test could fall into. */
function packConfig(postgresUrl: string, redisUrl: string): Record<string, unknown> {
  const { connections, time_intervals: intervals, ...rest } = example.parse(load(readProjectFile('examples/dean/remedyd.yml')));
  const { postgres = {}, redis = {}, ...others } = connections;
  return {
    ...rest,
    connections: {
      ...others,
      alertmanager: {}, // its address is not known before the daemon's
      postgres: { dean: { ...postgres['dean'], url: postgresUrl } },
      redis: { dean: { ...redis['dean'], url: redisUrl } },
    },
    time_intervals: intervals.map(({ name }) => ({ name, time_intervals: [{ years: ['2000'] }] })),
  };
}

/** What postgres_exporter and DEAN itself would measure. */
function measuresOf(observer: Client, redis: Redis): readonly Measure[] {
  let refused = 0;
  const count = async (sql: string): Promise<number> => {
    const { rows } = await observer.query<{ value: number }>(sql);
    return rows[0]?.value ?? NaN;
  };
  const states = ['active', 'idle'].map((state): Measure => ({
    metric: 'pg_stat_activity_count',
    labels: { system: 'dean', datname: 'dean_production', state },
    read: () => count(`SELECT count(*)::int AS value FROM pg_stat_activity WHERE state = '${state}'`),
  }));
  return [
    ...states,
    {
      metric: 'pg_settings_max_connections',
      labels: { system: 'dean', server: 'postgres-prod:5432' },
      read: () => count(`SELECT current_setting('max_connections')::int AS value`),
    },
    {
      metric: 'dean_api_requests_total', // sign-ins are refused as long as stale entries are believed
      labels: { system: 'dean', status: '401' },
      read: async () => (refused += (await redis.exists('auth:0')) * 50),
    },
  ];
}

async function openIdle(url: string, count: number): Promise<readonly Client[]> {
  const clients = Array.from({ length: count }, () => new Client({ connectionString: url }));
  for (const client of clients) {
    client.on('error', () => undefined); // the server ends them
    await client.connect();
  }
  return clients;
}

describeWith(['postgres', 'redis', 'prometheus', 'alertmanager'], 'the rule pack of DEAN, on servers that are really ill', () => {
  const started = new AsyncDisposableStack();
  let postgres: TestPostgres;
  let appUrl: string;
  let redis: Redis;
  let stack: Stack;

  beforeAll(async () => {
    postgres = started.adopt(await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } }), (it) => it.stop());
    const server = started.adopt(await startRedis(), (it) => it.stop());
    redis = started.adopt(new Redis(server.url), (it) => it.disconnect());
    // No more than the pack needs: see examples/dean/postgres.sh.
    const role = await postgres.createRole('remedyd', { memberOf: ['pg_monitor', 'pg_signal_backend', 'pg_read_all_data'] });
    appUrl = (await postgres.createRole('app')).url;
    await redis.call('ACL', 'SETUSER', 'remedyd', 'on', '>secret', '~auth:*', '+ping', '+scan', '+unlink', '+info');
    const redisUrl = new URL(server.url);
    redisUrl.username = 'remedyd';
    redisUrl.password = 'secret';
    const observer = new Client({ connectionString: postgres.url });
    observer.on('error', () => undefined);
    await observer.connect();
    started.defer(() => observer.end().catch(() => undefined));
    const options = {
      measures: measuresOf(observer, redis),
      alerts: packAlerts(),
      rules: packRules(),
      config: packConfig(role.url, redisUrl.href),
      env: SECRETS,
    };
    stack = started.adopt(await startStack(options), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  it('D5 frees idle connections before clients are refused', async () => {
    const working = new Client({ connectionString: appUrl });
    working.on('error', () => undefined);
    await working.connect();
    const work = working.query('SELECT pg_sleep(600)').catch(() => undefined); // until the server ends
    const idle = await openIdle(appUrl, IDLE_CLIENTS);
    const incident = await stack.daemon.waitForIncident('dean-postgres-connections-exhausted', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'postgres/dean', outcome: 'verified' });
    expect(outputOf(run, 'kill')).toMatchObject({ terminated: idle.length, remaining: 0 });
    expect(incident.severity).toBe('P1');
    const left = await postgres.query(`SELECT state FROM pg_stat_activity WHERE usename LIKE 'app%'`);
    expect(left).toEqual([{ state: 'active' }]);
    await postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'app%'`);
    await work;
  });

  it('D8 deletes cached authentication entries, and nothing else', async () => {
    await redis.mset('session:1', 'a', 'auth', 'no colon', 'unauth:1', 'b');
    await redis.mset(Object.fromEntries(Array.from({ length: STALE_ENTRIES }, (_, index) => [`auth:${String(index)}`, 'stale'])));
    const incident = await stack.daemon.waitForIncident('dean-authentication-failures', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'redis/dean', outcome: 'verified' });
    expect(outputOf(run, 'clear')).toEqual({ deleted: STALE_ENTRIES, remaining: 0 });
    expect((await redis.keys('*')).sort()).toEqual(['auth', 'session:1', 'unauth:1']);
  });

  it('the others watch, as they are shipped', async () => {
    // Nobody scrapes an orchestrator here, so that for Prometheus it is down.
    const incident = await stack.daemon.waitForIncident('dean-orchestrator-down', hasEnded);
    expect(lastRun(incident)).toMatchObject({ outcome: 'suppressed', reason: 'observe_mode', started_at: null });
    const runs = (await stack.daemon.incidents()).flatMap((it) => it.runs);
    const acted = runs.filter(({ outcome }) => outcome !== 'suppressed').map(({ rule }) => rule);
    expect(ACTING).toEqual(expect.arrayContaining(acted));
    expect(stack.exporter.failures).toEqual([]);
  });
});
