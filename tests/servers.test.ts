import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startAlertmanager, startAlertmanagerPair, type TestAlertmanager } from './support/servers/alertmanager.ts';
import { describeWith } from './support/servers/describe-with.ts';
import { startDocker, TEST_IMAGE, type TestDocker } from './support/servers/docker.ts';
import { startPostgres, type TestPostgres } from './support/servers/postgres.ts';
import { startPrometheus, type TestPrometheus } from './support/servers/prometheus.ts';
import { startRedis } from './support/servers/redis.ts';
import type { ServerProcess } from './support/servers/server-process.ts';

function expectGone(server: ServerProcess | undefined): void {
  if (server !== undefined) {
    expect(existsSync(`/proc/${String(server.pid)}`)).toBe(false);
  }
}

describeWith('postgres', 'a PostgreSQL for tests', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  it('answers the superuser', async () => {
    expect(await postgres.query('select rolsuper from pg_roles where rolname = current_user')).toEqual([{ rolsuper: true }]);
  });

  it('makes roles that are members of what they were given', async () => {
    const role = await postgres.createRole('watcher', { memberOf: ['pg_read_all_stats'] });
    const client = new Client({ connectionString: role.url });
    await client.connect();
    const answer = await client.query(
      `select current_user::text as name, pg_has_role('pg_read_all_stats', 'member') as reads, pg_has_role('pg_signal_backend', 'member') as signals`,
    );
    await client.end();
    expect(answer.rows).toEqual([{ name: role.name, reads: true, signals: false }]);
  });

  it('takes settings', async () => {
    const small = await startPostgres({ settings: { max_connections: '7' } });
    expect(await small.query('show max_connections')).toEqual([{ max_connections: '7' }]);
    await small.stop();
    expectGone(small.process);
  });

  it('leaves no process, and may be stopped while a client is connected', async () => {
    const other = await startPostgres();
    const client = new Client({ connectionString: other.url });
    client.on('error', () => undefined);
    const lost = new Promise<void>((resolve) => client.once('end', resolve));
    await client.connect();
    await other.stop();
    await other.stop();
    await lost;
    expectGone(other.process);
  });
});

describeWith('redis', 'a Redis for tests', () => {
  it('answers, and leaves no process', async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    expect(await redis.set('key', 'value')).toBe('OK');
    expect(await redis.dbsize()).toBe(1);
    redis.disconnect();
    await server.stop();
    expectGone(server.process);
  });

  it('takes a password and settings', async () => {
    const server = await startRedis({ password: 'p@ss/word', settings: { maxmemory: '2mb' } });
    const redis = new Redis(server.url);
    expect(await redis.config('GET', 'maxmemory')).toEqual(['maxmemory', '2097152']);
    redis.disconnect();
    await server.stop();
    expectGone(server.process);
  });
});

describeWith('docker', 'a Docker engine for tests', () => {
  let docker: TestDocker;
  beforeAll(async () => {
    docker = await startDocker();
  });
  afterAll(async () => {
    await docker.stop();
    await docker.stop();
    expectGone(docker.process);
  });

  it('runs containers of the test image', async () => {
    const container = await docker.createContainer({
      name: 'remedyd-servers-test-runs',
      cmd: ['sh', '-c', 'echo "hello from $NAME"; exit 3'],
      labels: { purpose: 'test' },
      env: { NAME: 'busybox' },
    });
    expect(await container.wait()).toMatchObject({ StatusCode: 3 });
    const { Config } = await container.inspect();
    expect(Config).toMatchObject({ Image: TEST_IMAGE, Labels: { purpose: 'test' } });
    expect((await container.logs({ stdout: true })).toString()).toContain('hello from busybox');
  });

  it('can run a container that listens on loopback', async () => {
    const container = await docker.createContainer({
      name: 'remedyd-servers-test-host',
      cmd: ['sleep', '600'],
      network: 'host',
      healthCmd: ['true'],
    });
    const { State, HostConfig } = await container.inspect();
    expect(State.Running).toBe(true);
    expect(HostConfig.NetworkMode).toBe('host');
  });
});

describeWith('alertmanager', 'an Alertmanager for tests', () => {
  it('delivers what is posted to its webhook, and leaves no process', async () => {
    const receiver = createServer().listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const request = once(receiver, 'request').then(async ([message, response]) => {
      const body = await read(message as IncomingMessage);
      (response as { end(): void }).end();
      return { authorization: (message as IncomingMessage).headers.authorization, body };
    });
    const { port } = receiver.address() as AddressInfo;
    const alertmanager = await startAlertmanager({
      webhook: { url: `http://127.0.0.1:${String(port)}/`, bearerToken: 'sesame' },
    });
    await alertmanager.postAlerts([{ labels: { alertname: 'Sick' } }]);
    const { authorization, body } = await request;
    expect(authorization).toBe('Bearer sesame');
    expect(body).toMatchObject({ status: 'firing', alerts: [{ labels: { alertname: 'Sick' } }] });
    await alertmanager.stop();
    await alertmanager.stop();
    expectGone(alertmanager.process);
    receiver.close();
  });

  it('refuses a broken configuration and takes a good one', async () => {
    const alertmanager = await startAlertmanager({ webhook: { url: 'http://127.0.0.1:1/' } });
    await expect(alertmanager.reload({ configuration: { route: { receiver: 'nobody' } } })).rejects.toThrow('undefined receiver');
    await alertmanager.reload({ webhook: { url: 'http://127.0.0.1:2/' } });
    await alertmanager.stop();
    expectGone(alertmanager.process);
  });

  it('clusters two on loopback', async () => {
    const pair: readonly TestAlertmanager[] = await startAlertmanagerPair({ webhook: { url: 'http://127.0.0.1:1/' } });
    for (const { url } of pair) {
      const status: unknown = await (await fetch(`${url}/api/v2/status`)).json();
      expect(status).toMatchObject({ cluster: { peers: [expect.anything(), expect.anything()] } });
    }
    for (const alertmanager of pair) {
      await alertmanager.stop();
      expectGone(alertmanager.process);
    }
  });
});

describeWith(['prometheus', 'alertmanager'], 'a Prometheus for tests', () => {
  let prometheus: TestPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(async () => {
    await prometheus.stop();
    await prometheus.stop();
    expectGone(prometheus.process);
  });

  it('loads rules on reload, and refuses broken ones', async () => {
    await expect(prometheus.reload({ rules: 'groups: 7' })).rejects.toThrow('refused its configuration');
    await prometheus.reload({ rules: 'groups: [{ name: test, rules: [{ alert: Always, expr: vector(1) }] }]' });
    const rules: unknown = await (await fetch(`${prometheus.url}/api/v1/rules`)).json();
    expect(rules).toMatchObject({ data: { groups: [{ name: 'test', rules: [{ name: 'Always' }] }] } });
  });

  it('sends its alerts to Alertmanager', async () => {
    const receiver = createServer().listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const delivered = once(receiver, 'request').then(async ([message, response]) => {
      const body = await read(message as IncomingMessage);
      (response as { end(): void }).end();
      return body;
    });
    const { port } = receiver.address() as AddressInfo;
    const alertmanager = await startAlertmanager({ webhook: { url: `http://127.0.0.1:${String(port)}/` } });
    await prometheus.reload({
      rules: 'groups: [{ name: test, rules: [{ alert: Down, expr: up == 0 }] }]',
      scrape: [{ job: 'nobody', targets: ['127.0.0.1:1'] }],
      alertmanagers: [alertmanager.address],
      externalLabels: { cluster: 'test' },
    });
    expect(await delivered).toMatchObject({ alerts: [{ labels: { alertname: 'Down', job: 'nobody', cluster: 'test' } }] });
    await alertmanager.stop();
    receiver.close();
  });
});

async function read(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
