import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { incidentDetailView, type IncidentDetailView } from '../../src/cli/incident-view.ts';
import { SOURCE_MAIN, startDaemonProcess, type DaemonProcess } from './daemon-process.ts';
import { waitUntil, type WaitOptions } from './daemon-wait.ts';
import { freePort } from './servers/free-port.ts';
import { createTemporaryDirectory } from './servers/temporary-directory.ts';

/** What Alertmanager shows to be let in. */
export const WEBHOOK_TOKEN = 'webhook-token-of-the-tests';
/** Of alice, who may do everything. */
export const ADMIN_TOKEN = 'admin-token-of-the-tests';

export interface DaemonOptions {
  /** Rule files by name, as text. */
  readonly rules: Readonly<Record<string, string>>;
  /** Keys of `remedyd.yml` beside `listen`, `store`, `rules` and `auth`, which are ours. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** The script that Node runs: the sources unless given. */
  readonly main?: string;
}

export type LogLine = Readonly<Record<string, unknown>>;

/** A run as an incident shows it. */
export type RunView = IncidentDetailView['runs'][number];

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A daemon of its own: process, configuration, rules and store in a folder that goes with it. */
export interface TestDaemon {
  readonly url: string;
  readonly webhookUrl: string;
  readonly configFile: string;
  pid(): number;
  /** What it has logged, over all its starts. */
  logs(): readonly LogLine[];
  api(path: string, body?: object): Promise<ApiAnswer>;
  /** Sends a webhook as Alertmanager would; resolves with the status code. */
  sendWebhook(body: object): Promise<number>;
  /** The value of one series of `/metrics`, such as `remedyd_alerts_stale_total` or `remedyd_runs_total{…}`; all with that name are added up. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  incidents(rule?: string): Promise<readonly IncidentDetailView[]>;
  /** Waits for the newest incident of a rule to be as `isSo` wants it. */
  waitForIncident(
    rule: string,
    isSo: (incident: IncidentDetailView) => boolean,
    options?: WaitOptions,
  ): Promise<IncidentDetailView>;
  writeRules(file: string, text: string): void;
  /** SIGTERM; resolves with the exit status. The folder stays, for `restart`. */
  stopProcess(): Promise<number | NodeJS.Signals>;
  kill9(): Promise<void>;
  /** Starts it again on the same files and port. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. May be called twice. */
  stop(): Promise<void>;
}

const incidentPage = z.object({ incidents: z.array(incidentDetailView) });

/** Writes a configuration and rules into a folder and runs `remedyd serve` with them; resolves once it is ready. */
export async function startDaemon(options: DaemonOptions): Promise<TestDaemon> {
  const folder = createTemporaryDirectory('daemon');
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${String(port)}`;
  const configFile = join(folder.path, 'remedyd.yml');
  const stdoutFile = join(folder.path, 'stdout.log');
  const rulesFolder = join(folder.path, 'rules');
  mkdirSync(rulesFolder);
  for (const [file, text] of Object.entries(options.rules)) writeFileSync(join(rulesFolder, file), text);
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(configurationOf(options, port, folder.path), null, 2));

  let running: DaemonProcess | undefined;
  const start = async (): Promise<void> => {
    running = await startDaemonProcess({
      main: options.main ?? SOURCE_MAIN,
      args: ['serve', '--config', configFile],
      env: options.env ?? {},
      stdoutFile,
      stderrFile: join(folder.path, 'stderr.log'),
      isReady: async () => (await fetch(`${url}/-/ready`)).ok,
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
    const ending = running;
    running = undefined;
    return ending === undefined ? 0 : ending.end(signal);
  };
  const stop = async (): Promise<void> => {
    await end('SIGTERM');
    folder.remove();
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  const api = (path: string, body?: object): Promise<ApiAnswer> => call(new URL(path, url), ADMIN_TOKEN, body);
  const logs = (): readonly LogLine[] => parseLog(stdoutFile);
  const incidents = async (rule?: string): Promise<readonly IncidentDetailView[]> => {
    const query = new URLSearchParams({ limit: '100', ...(rule === undefined ? {} : { rule }) });
    return incidentPage.parse((await api(`/api/v1/incidents?${query.toString()}`)).body).incidents;
  };
  return {
    url,
    webhookUrl: `${url}/webhooks/alertmanager`,
    configFile,
    pid: () => running?.pid ?? 0,
    logs,
    api,
    sendWebhook: async (body) => (await call(new URL('/webhooks/alertmanager', url), WEBHOOK_TOKEN, body)).status,
    metric: async (name, labels = {}) => sumOf(await (await fetch(`${url}/metrics`)).text(), name, labels),
    incidents,
    waitForIncident: async (rule, isSo, waiting = {}) => {
      let last: readonly IncidentDetailView[] = [];
      return waitUntil(
        `an incident of ${rule} is as expected`,
        async () => {
          last = await incidents(rule);
          const newest = last.toSorted((a, b) => b.started_at.localeCompare(a.started_at))[0];
          return newest !== undefined && isSo(newest) ? newest : undefined;
        },
        {
          explain: () =>
            [
              ...last.map(describeIncident),
              ...logs()
                .slice(-20)
                .map((line) => JSON.stringify(line)),
            ].join('\n'),
          ...waiting,
        },
      );
    },
    writeRules: (file, text) => writeFileSync(join(rulesFolder, file), text),
    stopProcess: () => end('SIGTERM'),
    kill9: () => end('SIGKILL').then(() => undefined),
    restart: start,
    stop,
  };
}

function configurationOf({ config = {} }: DaemonOptions, port: number, folder: string): object {
  return {
    severities: [{ name: 'P1', matchers: ['alertname =~ ".+"'], escalation_policy: 'standard' }],
    escalation_policies: { standard: [{ after: '15m', unless: ['acknowledged'], notify: { slack: '#incidents' } }] },
    people: { alice: {} },
    ...config,
    listen: `127.0.0.1:${String(port)}`,
    store: { url: `sqlite:${join(folder, 'remedyd.db')}` },
    rules: [join(folder, 'rules')],
    auth: {
      webhook: [{ name: 'test', bearer_token: WEBHOOK_TOKEN }],
      api: { tokens: [{ person: 'alice', role: 'admin', token: ADMIN_TOKEN }] },
    },
  };
}

async function call(url: URL, token: string, body?: object): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

/** The last line may still be in the making. */
function parseLog(file: string): readonly LogLine[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  return lines.map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
}

function sumOf(metrics: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  const values = metrics
    .split('\n')
    .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && wanted.every((pair) => line.includes(pair)))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  if (values.length === 0) throw new Error(`there is no series ${name} ${wanted.join(',')}`);
  return values.reduce((sum, value) => sum + value, 0);
}

function describeIncident({ id, status, runs, timeline }: IncidentDetailView): string {
  const story = timeline.map((entry) => `  ${entry.at} ${entry.kind} ${entry.reason ?? ''} ${entry.text}`);
  const states = runs.map((run) => `${run.id} ${run.state} ${run.outcome ?? ''} ${run.reason ?? ''}`);
  return [`${id} ${status}; ${states.join('; ')}`, ...story].join('\n');
}
