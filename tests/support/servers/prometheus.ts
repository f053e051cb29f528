import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram } from './server-catalog.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { createTemporaryDirectory } from './temporary-directory.ts';

export interface PrometheusOptions {
  /** What is scraped: addresses as `host:port`. */
  readonly scrape?: readonly { readonly job: string; readonly targets: readonly string[]; readonly metricsPath?: string }[];
  /** The text of a rule file. */
  readonly rules?: string;
  /** Alertmanagers as `host:port`. */
  readonly alertmanagers?: readonly string[];
  readonly externalLabels?: Readonly<Record<string, string>>;
  /** How often it scrapes and evaluates, as Prometheus writes durations. `200ms` unless given. */
  readonly interval?: string;
}

export interface TestPrometheus {
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  readonly process: ServerProcess;
  /** Replaces the configuration; resolves once it is live, rejects when Prometheus refuses it. */
  reload(options: PrometheusOptions): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Prometheus with a configuration of its own on a free port of loopback. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<TestPrometheus> {
  const command = findProgram('prometheus');
  if (command === undefined) {
    throw new Error('Prometheus is missing: install the Debian package prometheus');
  }
  const folder = createTemporaryDirectory('prometheus');
  const address = `127.0.0.1:${String(await freePort())}`;
  const url = `http://${address}`;
  writeConfiguration(folder.path, options);
  const server = await startServerProcess({
    name: 'prometheus',
    command,
    args: [
      `--config.file=${join(folder.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=${address}`,
      '--web.enable-lifecycle',
      '--rules.alert.resend-delay=1s',
      '--log.level=warn',
    ],
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
    cleanUp: folder.remove,
  });
  const reload = async (next: PrometheusOptions): Promise<void> => {
    writeConfiguration(folder.path, next);
    const response = await fetch(`${url}/-/reload`, { method: 'POST' });
    if (!response.ok) {
      throw new Error(`Prometheus refused its configuration: ${await response.text()}`);
    }
  };
  return { url, address, process: server, reload, stop: server.stop };
}

function writeConfiguration(folder: string, options: PrometheusOptions): void {
  const interval = options.interval ?? '200ms';
  writeFileSync(join(folder, 'rules.yml'), options.rules ?? 'groups: []\n');
  // JSON is YAML.
  const configuration = {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval,
      evaluation_interval: interval,
      external_labels: options.externalLabels ?? {},
    },
    rule_files: [join(folder, 'rules.yml')],
    alerting: { alertmanagers: [{ static_configs: [{ targets: options.alertmanagers ?? [] }] }] },
    scrape_configs: (options.scrape ?? []).map(({ job, targets, metricsPath }) => ({
      job_name: job,
      metrics_path: metricsPath ?? '/metrics',
      static_configs: [{ targets }],
    })),
  };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
}
