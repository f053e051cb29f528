import { startDaemon, WEBHOOK_TOKEN, type TestDaemon } from './daemon.ts';
import { startExporter, type Exporter, type Measure } from './exporter.ts';
import { startAlertmanager, type TestAlertmanager } from './servers/alertmanager.ts';
import { freePort } from './servers/free-port.ts';
import { startPrometheus, type TestPrometheus } from './servers/prometheus.ts';

export interface StackOptions {
  readonly measures: readonly Measure[];
  /** A rule file of Prometheus. */
  readonly alerts: string;
  /** A rule file of remedyd. */
  readonly rules: string;
  /** Of `remedyd.yml`: the connections and whatever else. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Of the daemon. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The whole loop: exporter → Prometheus → Alertmanager → remedyd. What it acts on belongs to the test. */
export interface Stack {
  readonly daemon: TestDaemon;
  readonly alertmanager: TestAlertmanager;
  readonly prometheus: TestPrometheus;
  readonly exporter: Exporter;
  stop(): Promise<void>;
}

/** Starts the loop with everything measured and evaluated once a second. */
export async function startStack({ measures, alerts, rules, config, env = {} }: StackOptions): Promise<Stack> {
  const stack = new AsyncDisposableStack();
  try {
    const port = await freePort();
    const exporter = await startExporter(measures);
    stack.defer(exporter.stop);
    const daemon = await startDaemon({
      port,
      env,
      rules: { 'rules.yml': rules },
      config: { limits: { settle: '1s' }, ...config },
    });
    stack.defer(daemon.stop);
    const alertmanager = await startAlertmanager({ webhook: { url: daemon.webhookUrl, bearerToken: WEBHOOK_TOKEN } });
    stack.defer(alertmanager.stop);
    const prometheus = await startPrometheus({
      interval: '1s',
      rules: alerts,
      scrape: [{ job: 'sick', targets: [exporter.address] }],
      alertmanagers: [alertmanager.address],
    });
    stack.defer(prometheus.stop);
    return { daemon, alertmanager, prometheus, exporter, stop: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
