import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findAlertmanager } from './server-catalog.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { createTemporaryDirectory } from './temporary-directory.ts';

/** A configuration with one webhook receiver. Durations as Alertmanager writes them. */
export interface WebhookRouting {
  readonly url: string;
  readonly bearerToken?: string;
  readonly groupBy?: readonly string[];
  readonly groupWait?: string;
  readonly groupInterval?: string;
  readonly repeatInterval?: string;
}

/** What Alertmanager's API takes as an alert. Without `startsAt` it fires from now on. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly generatorURL?: string;
}

export interface AlertmanagerOptions {
  /** One webhook, or a whole configuration as Alertmanager's file has it. */
  readonly webhook?: WebhookRouting;
  readonly configuration?: object;
}

export interface TestAlertmanager {
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  readonly process: ServerProcess;
  postAlerts(alerts: readonly PostedAlert[]): Promise<void>;
  /** Replaces the configuration; resolves once it is live, rejects when Alertmanager refuses it. */
  reload(options: AlertmanagerOptions): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a single Alertmanager, not clustered, on a free port of loopback. */
export function startAlertmanager(options: AlertmanagerOptions): Promise<TestAlertmanager> {
  return start(options, ['--cluster.listen-address=']);
}

/**
 * Starts two Alertmanagers that gossip with each other over loopback and share a configuration.
 * Stop them one after the other: stopped at the same time, each waits 10 s for the other's goodbye.
 */
export async function startAlertmanagerPair(
  options: AlertmanagerOptions,
): Promise<readonly [TestAlertmanager, TestAlertmanager]> {
  const gossip = [`127.0.0.1:${String(await freePort())}`, `127.0.0.1:${String(await freePort())}`] as const;
  const timing = ['--cluster.settle-timeout=1s', '--cluster.gossip-interval=50ms', '--cluster.peer-timeout=1s'];
  const first = await start(options, [`--cluster.listen-address=${gossip[0]}`, ...timing]);
  try {
    const second = await start(options, [`--cluster.listen-address=${gossip[1]}`, `--cluster.peer=${gossip[0]}`, ...timing]);
    return [first, second];
  } catch (error) {
    await first.stop();
    throw error;
  }
}

async function start(options: AlertmanagerOptions, clusterArgs: readonly string[]): Promise<TestAlertmanager> {
  const command = findAlertmanager();
  if (command === undefined) {
    throw new Error('Alertmanager is missing: install the Debian package prometheus-alertmanager');
  }
  const folder = createTemporaryDirectory('alertmanager');
  const file = join(folder.path, 'alertmanager.yml');
  const address = `127.0.0.1:${String(await freePort())}`;
  const url = `http://${address}`;
  writeConfiguration(file, options);
  const server = await startServerProcess({
    name: 'alertmanager',
    command,
    args: [
      `--config.file=${file}`,
      `--storage.path=${join(folder.path, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
      ...clusterArgs,
    ],
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
    cleanUp: folder.remove,
  });
  return {
    url,
    address,
    process: server,
    postAlerts: (alerts) => post(`${url}/api/v2/alerts`, alerts),
    reload: (next) => {
      writeConfiguration(file, next);
      return post(`${url}/-/reload`);
    },
    stop: server.stop,
  };
}

async function post(url: string, body?: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) {
    throw new Error(`Alertmanager answered ${String(response.status)} to POST ${url}: ${await response.text()}`);
  }
}

function writeConfiguration(file: string, { webhook, configuration }: AlertmanagerOptions): void {
  if ((webhook === undefined) === (configuration === undefined)) {
    throw new Error('give Alertmanager either a webhook or a configuration');
  }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(webhook === undefined ? configuration : webhookConfiguration(webhook)));
}

function webhookConfiguration(webhook: WebhookRouting): object {
  const authorization =
    webhook.bearerToken === undefined ? {} : { http_config: { authorization: { credentials: webhook.bearerToken } } };
  return {
    route: {
      receiver: 'remedyd',
      group_by: webhook.groupBy ?? ['...'],
      group_wait: webhook.groupWait ?? '0s',
      group_interval: webhook.groupInterval ?? '1s',
      repeat_interval: webhook.repeatInterval ?? '1m',
    },
    receivers: [{ name: 'remedyd', webhook_configs: [{ url: webhook.url, send_resolved: true, ...authorization }] }],
  };
}
