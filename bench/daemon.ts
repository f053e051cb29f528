import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../tests/support/servers/free-port.ts';
import { startChild, type ChildServer } from './child-server.ts';

/** What the load shows to be let in. */
export const TOKEN = 'bench-token-of-no-worth-0123456789';
/** The alert that the rule of these benchmarks is for: it acts, after a delay that no benchmark waits for. */
export const HELD_ALERT = 'BenchHeld';
/** The alert of a rule whose run starts at once and only waits for no time. */
export const NOOP_ALERT = 'BenchNoop';

export interface BenchDaemon extends ChildServer {
  /** The sum of a metric's series. */
  metric(name: string): Promise<number>;
}

export interface BenchDaemonOptions {
  /** The script that Node runs with `serve --config FILE`. */
  readonly main: string;
  /** How many rules it has; 10 unless given. */
  readonly rules?: number;
  readonly nodeOptions?: readonly string[];
}

/** Starts the daemon as a user would, with a configuration file, a token and so many rules; the rest is the default. */
export async function startBenchDaemon(
  folder: string,
  { main, rules = 10, nodeOptions = [] }: BenchDaemonOptions,
): Promise<BenchDaemon> {
  const port = await freePort();
  const home = mkdtempSync(join(folder, 'daemon-'));
  mkdirSync(join(home, 'rules'));
  writeFileSync(join(home, 'rules', 'bench.yml'), ruleFile(rules));
  const config = join(home, 'remedyd.yml');
  writeFileSync(config, configFile(home, port));
  const server = await startChild(process.execPath, [...nodeOptions, main, 'serve', '--config', config], {
    port,
    readyPath: '/-/ready',
  });
  return { ...server, metric: (name) => readMetric(port, name) };
}

function configFile(home: string, port: number): string {
  return `listen: 127.0.0.1:${port}
store: { url: 'sqlite:${join(home, 'remedyd.db')}' }
rules: ['${join(home, 'rules')}']
log: { level: warn }
auth:
  webhook: [{ name: bench, bearer_token: ${TOKEN} }]
connections: { http: { nowhere: { base_url: 'http://127.0.0.1:9', allow: ['POST /fix'] } } }
escalation_policies: { standard: [{ after: 15m, notify: { slack: '#bench' } }] }
`;
}

/** The two rules that the load meets come last, behind as many others as there should be. */
function ruleFile(count: number): string {
  const others = Array.from(
    { length: count - 2 },
    (_, index) => `  - name: other-${index}
    matchers: ['alertname = "Other${index}"', 'severity =~ "warning|critical"']
    target: other/{{ labels.instance }}
    delay: 30s
    steps: [{ id: rest, uses: wait, with: { for: 1s } }]
`,
  );
  return `defaults: { mode: auto, escalation_policy: standard }
rules:
${others.join('')}  - name: held
    matchers: ['alertname = "${HELD_ALERT}"', 'severity =~ "warning|critical"']
    target: held/{{ labels.instance }}
    delay: 1h
    steps: [{ id: fix, uses: http.request, connection: nowhere, with: { method: POST, path: /fix } }]
  - name: noop
    matchers: ['alertname = "${NOOP_ALERT}"']
    target: noop/{{ labels.instance }}/{{ labels.slot }}
    steps: [{ id: rest, uses: wait, with: { for: 0s } }]
`;
}

async function readMetric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const values = text
    .split('\n')
    .flatMap((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `) ? [Number(line.split(' ').at(-1))] : []));
  return values.reduce((sum, value) => sum + value, 0);
}
