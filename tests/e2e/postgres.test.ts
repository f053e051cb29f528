import { Client } from 'pg';
import { startStack, type Stack } from '../support/daemon-stack.ts';
import { hasEnded, isResolved, lastRun, outputOf, storyOf } from '../support/daemon-timeline.ts';
import type { Measure } from '../support/exporter.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startPostgres, type TestPostgres } from '../support/servers/postgres.ts';

const MAX_CONNECTIONS = 30;
const IDLE_CLIENTS = 22;
/** Of the idle ones: so few that ending only them does not help. */
const BATCH_CLIENTS = 2;
/** The superuser's session that measures; it is idle between two looks, and nobody may end it. */
const OBSERVERS = 1;

const ALERTS = `
groups:
  - name: postgres
    rules:
      - alert: PostgresTooManyConnections
        expr: postgres_connection_ratio > 0.7
        labels: { severity: critical }
`;

// One server for each rule. Prometheus knows their names from the exporter's label.
const RULES = `
defaults:
  mode: auto
  delay: 2s
  safety: { cooldown: 1s, max_targets: [10] }
rules:
  - name: helps
    matchers: ['alertname = "PostgresTooManyConnections"', 'cluster = "helped"']
    target: postgres/{{ labels.cluster }}
    steps:
      - { id: before, uses: postgres.connection_stats, connection: helped }
      - { id: kill, if: 'steps.before.output.idle > 5', uses: postgres.terminate_idle_connections, connection: helped, with: { idle_for: 1s } }
    verify:
      checks: [{ uses: postgres.connection_stats, connection: helped, expect: 'output.used_ratio < 0.7', within: 20s }]
      resolved_within: 30s
  - name: finds-too-few
    matchers: ['alertname = "PostgresTooManyConnections"', 'cluster = "unhelped"']
    target: postgres/{{ labels.cluster }}
    steps:
      - { id: kill, uses: postgres.terminate_idle_connections, connection: unhelped, with: { idle_for: 1s, application_name: batch } }
    verify:
      checks: [{ uses: postgres.connection_stats, connection: unhelped, expect: 'output.used_ratio < 0.7' }]
      resolved_within: 3s
  - name: helps-at-the-second-try
    matchers: ['alertname = "PostgresTooManyConnections"', 'cluster = "helped-later"']
    target: postgres/{{ labels.cluster }}
    steps:
      - { id: kill, uses: postgres.terminate_idle_connections, connection: helped-later, with: { idle_for: 1s, application_name: batch } }
    fallbacks:
      - steps: [{ id: kill, uses: postgres.terminate_idle_connections, connection: helped-later, with: { idle_for: 1s } }]
    verify:
      checks: [{ uses: postgres.connection_stats, connection: helped-later, expect: 'output.used_ratio < 0.7', within: 3s }]
      resolved_within: 20s
`;

/** A PostgreSQL whose connections pile up: idle ones, one that works and one inside a transaction. */
interface CrowdedServer {
  readonly postgres: TestPostgres;
  /** As a role with the two documented grants and no more. */
  readonly roleUrl: string;
  readonly measure: Measure;
  readonly busyPids: readonly number[];
  sessions(state: string): Promise<readonly number[]>;
  /** The clients go by themselves. */
  leave(): Promise<void>;
  stop(): Promise<void>;
}

async function startCrowdedServer(cluster: string): Promise<CrowdedServer> {
  const postgres = await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } });
  const role = await postgres.createRole('remedyd', { memberOf: ['pg_read_all_stats', 'pg_signal_backend'] });
  const app = await postgres.createRole('app');
  const clients: Client[] = [];
  const open = async (applicationName: string): Promise<Client> => {
    const client = new Client({ connectionString: app.url, application_name: applicationName });
    client.on('error', () => undefined); // the server ends the idle ones
    await client.connect();
    clients.push(client);
    return client;
  };
  for (let index = 0; index < IDLE_CLIENTS; index++) await open(index < BATCH_CLIENTS ? 'batch' : 'web');
  const inTransaction = await open('web');
  await inTransaction.query('BEGIN');
  const working = await open('web');
  const busyPids = await Promise.all([pidOf(inTransaction), pidOf(working)]);
  working.query('SELECT pg_sleep(600)').catch(() => undefined); // it ends with the server

  const observer = new Client({ connectionString: postgres.url });
  observer.on('error', () => undefined);
  await observer.connect();
  const measure: Measure = {
    metric: 'postgres_connection_ratio',
    labels: { cluster },
    read: async () => {
      const { rows } = await observer.query<{ ratio: number }>(
        `SELECT count(*) / current_setting('max_connections')::float8 AS ratio FROM pg_stat_activity WHERE backend_type = 'client backend'`,
      );
      return rows[0]?.ratio ?? NaN;
    },
  };
  return {
    postgres,
    roleUrl: role.url,
    measure,
    busyPids,
    sessions: async (state) => {
      const rows = await postgres.query(
        `SELECT pid FROM pg_stat_activity WHERE usename = '${app.name}' AND state LIKE '${state}%'`,
      );
      return rows.map(({ pid }) => Number(pid));
    },
    leave: async () =>
      postgres
        .query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${app.name}'`)
        .then(() => undefined),
    stop: postgres.stop,
  };
}

async function pidOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

describeWith(['postgres', 'prometheus', 'alertmanager'], 'connections pile up in PostgreSQL', () => {
  let helped: CrowdedServer;
  let unhelped: CrowdedServer;
  let helpedLater: CrowdedServer;
  const started = new AsyncDisposableStack();
  let stack: Stack;

  beforeAll(async () => {
    const start = async (cluster: string): Promise<CrowdedServer> =>
      started.adopt(await startCrowdedServer(cluster), (it) => it.stop());
    [helped, unhelped, helpedLater] = await Promise.all([start('helped'), start('unhelped'), start('helped-later')]);
    const options = {
      measures: [helped.measure, unhelped.measure, helpedLater.measure],
      alerts: ALERTS,
      rules: RULES,
      config: {
        connections: {
          postgres: {
            helped: { url: helped.roleUrl },
            unhelped: { url: unhelped.roleUrl },
            'helped-later': { url: helpedLater.roleUrl },
          },
        },
      },
    };
    stack = started.adopt(await startStack(options), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  it('ends the idle sessions and verifies that it helped, until the alert and the incident are resolved', async () => {
    const incident = await stack.daemon.waitForIncident('helps', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'postgres/helped', state: 'ended', outcome: 'verified', reason: null });
    expect(incident.runs).toHaveLength(1);
    expect(outputOf(run, 'before')).toMatchObject({ idle: IDLE_CLIENTS + OBSERVERS, idle_in_transaction: 1 });
    expect(outputOf(run, 'kill')).toMatchObject({ terminated: IDLE_CLIENTS, skipped: 0, remaining: 0 });
    expect(incident).toMatchObject({ severity: 'P1', phase: 'resolved', escalation_level: 0, alerts: [{ status: 'resolved' }] });
    const story = ['opened', 'run_held', 'run_started', 'run_verifying', 'alert_resolved', 'run_ended', 'resolved'];
    expect(storyOf(incident, story)).toEqual(story);
    expect(await helped.sessions('idle')).toEqual(helped.busyPids.slice(0, 1));
  });

  it('leaves the busy sessions alone: the one that works and the one in a transaction', async () => {
    await stack.daemon.waitForIncident('helps', hasEnded);
    expect([...(await helped.sessions('idle in transaction')), ...(await helped.sessions('active'))]).toEqual(helped.busyPids);
  });

  it('calls a fix that ended too few sessions ineffective, and a person', async () => {
    const incident = await stack.daemon.waitForIncident('finds-too-few', hasEnded);
    const run = lastRun(incident);
    expect(run).toMatchObject({ outcome: 'ineffective' });
    expect(outputOf(run, 'kill')).toMatchObject({ terminated: BATCH_CLIENTS });
    expect(incident).toMatchObject({ status: 'triggered', resolved_at: null });
    expect(incident.escalation_level).toBeGreaterThan(0);
    expect(storyOf(incident, ['run_ended', 'escalated', 'resolved'])).toEqual(['run_ended', 'escalated']);
    expect(await stack.daemon.metric('remedyd_runs_total', { rule: 'finds-too-few', outcome: 'ineffective' })).toBe(1);
  });

  it('does not take the alert for repaired when it ends for another reason later', async () => {
    await stack.daemon.waitForIncident('finds-too-few', hasEnded);
    await unhelped.leave();
    const incident = await stack.daemon.waitForIncident('finds-too-few', isResolved);
    expect(incident.runs.map(({ outcome }) => outcome)).toEqual(['ineffective']);
  });

  it('goes on with the fallback where the first steps do not help, and says which rung it was', async () => {
    const incident = await stack.daemon.waitForIncident('helps-at-the-second-try', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ outcome: 'verified' });
    expect(incident.runs).toHaveLength(1);
    expect(run.steps.map(({ output }) => output)).toMatchObject([
      { terminated: BATCH_CLIENTS },
      { terminated: IDLE_CLIENTS - BATCH_CLIENTS },
    ]);
    expect(incident.timeline.find(({ kind }) => kind === 'fallback')?.text).toContain('fallback 1 of 1');
    expect(storyOf(incident, ['run_verifying', 'fallback', 'run_ended'])).toEqual([
      'run_verifying',
      'fallback',
      'run_verifying',
      'run_ended',
    ]);
    expect(incident.timeline.findLast(({ kind }) => kind === 'run_ended')?.text).toContain('fixed by fallback 1 of 1');
  });

  it('keeps the password to itself', async () => {
    const passwords = [helped, unhelped, helpedLater].map(({ roleUrl }) => new URL(roleUrl).password);
    const said = JSON.stringify([stack.daemon.logs(), await stack.daemon.incidents()]);
    expect(passwords.filter((password) => password === '' || said.includes(password))).toEqual([]);
  });

  it('was told only what the servers really said', () => {
    expect(stack.exporter.failures).toEqual([]);
  });
});
