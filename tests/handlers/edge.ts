import type { RuleSet } from '../../src/domain/rule.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { ApiRole, AuthSettings, Settings } from '../../src/domain/settings.ts';
import type { AlertContent, Episode } from '../../src/domain/state.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { RunEvents } from '../../src/handlers/run-events.ts';
import { startServer, type RunningServer } from '../../src/handlers/server.ts';
import { Metrics } from '../../src/metrics.ts';
import { newId } from '../../src/new-id.ts';
import type { PipelineEffect, Signal } from '../../src/pipeline/event.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { load } from '../support/rule-settings.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';

export const WEBHOOK_TOKEN = 'webhook-secret-that-is-long-enough';
export const tokenOf = (role: ApiRole): string => `token-of-the-${role}-that-is-long-enough`;

/** One rule that acts, one that only watches, one that only tells people. */
const RULES = `
rules:
  - name: act
    description: Restarts it.
    matchers: ['alertname = "Act"']
    target: 'thing/{{ labels.name }}'
    mode: auto
    escalation_policy: standard
    verify: { resolved_within: 5m }
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: web } }]
  - name: watch
    description: Watches.
    matchers: ['alertname = "Watch"']
    target: 'thing/{{ labels.name }}'
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: web } }]
  - name: tell
    description: Tells people.
    matchers: ['alertname =~ "A|Tell|Reported"']
  - name: constructor-trap
    description: Never, unless an alert really has that label.
    matchers: ['constructor =~ ".+"']
`;

export interface EdgeOptions {
  readonly webhook?: AuthSettings['webhook'];
  readonly tokens?: AuthSettings['tokens'];
  readonly tls?: AuthSettings['tls'];
  readonly externalUrl?: string;
  readonly bodyBytes?: number;
  /** Whether the pipeline is started; until then the daemon is starting. */
  readonly isStarted?: boolean;
  readonly reloadProblems?: readonly string[];
}

/** The HTTP edge with the real pipeline and the real store behind it. No step is executed. */
export interface Edge {
  readonly url: string;
  readonly store: SqliteStore;
  readonly pipeline: Pipeline;
  readonly rules: RuleSet;
  readonly metrics: Metrics;
  readonly effects: readonly PipelineEffect[];
  readonly faults: readonly string[];
  /** All alerts that fire. */
  readonly firing: () => Promise<readonly (Episode & AlertContent)[]>;
  /** Posts a webhook as Alertmanager does; `body` is sent as it is when it is text or bytes. */
  readonly post: (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  readonly api: (method: 'GET' | 'POST', path: string, role?: ApiRole, body?: unknown) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

const TOKENS = (['viewer', 'responder', 'admin'] as const).map((role) => ({
  person: `the-${role}`,
  role,
  token: new Secret(tokenOf(role)),
}));

export async function startEdge(options: EdgeOptions = {}): Promise<Edge> {
  const clock = new SystemClock();
  const folder = createTemporaryDirectory('edge');
  const store = new SqliteStore({ path: `${folder.path}/remedyd.db`, clock });
  await store.open();
  const { ruleSet: rules, problems } = load(RULES);
  if (rules === undefined) throw new Error(problems.join('\n'));
  const effects: PipelineEffect[] = [];
  const faults: string[] = [];
  const onFault = (message: string, error: unknown): void => void faults.push(`${message}: ${String(error)}`);
  const events = new RunEvents(clock);
  const metrics: Metrics = new Metrics({
    store,
    rules: () => rules,
    severities: () => ['P0', 'P1', 'P3'],
    remediations: ['docker.restart_container'],
    inboxDepth: () => pipeline.waitingAlerts,
    version: '1.2.3',
    revision: 'abc',
    loadedAt: clock.now(),
  });
  const onSignals = (signals: readonly Signal[]): void => {
    metrics.observe(signals);
    events.publish(signals);
  };
  const limits: Settings['limits'] = {
    storm: { count: 1_000_000, windowMs: 60_000 },
    maxRuns: { count: 1_000_000, windowMs: 3_600_000 },
    maxConcurrentRuns: 1_000,
    recurrenceMs: 3_600_000,
    settleMs: 120_000,
    staleAfterMs: 86_400_000,
    bodyBytes: options.bodyBytes ?? 32 * 1_048_576,
  };
  const pipeline = new Pipeline({
    store,
    clock,
    limits: () => limits,
    rules: () => rules,
    compileSnapshot: () => {
      throw new Error('no rule is compiled here');
    },
    newId,
    random: Math.random,
    start: (effect) => void effects.push(effect),
    onSignals,
    onFault,
  });
  if (options.isStarted !== false) await pipeline.start();
  const server: RunningServer = await startServer({
    settings: {
      listen: { host: '127.0.0.1', port: 0 },
      auth: {
        webhook: options.webhook ?? [{ kind: 'bearer', name: 'prod', token: new Secret(WEBHOOK_TOKEN) }],
        tokens: options.tokens ?? TOKENS,
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      },
      limits,
      ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
    },
    pipeline,
    store,
    clock,
    events,
    metrics,
    version: '1.2.3',
    rules: () => rules,
    reload: () => Promise.resolve({ at: clock.now(), problems: options.reloadProblems ?? [] }),
    lastReload: () => ({ at: clock.now(), problems: options.reloadProblems ?? [] }),
    onWebhook: (status) => metrics.countWebhook(status, clock.now()),
    onFault,
  });
  const { url } = server;
  return {
    url,
    store,
    pipeline,
    rules,
    metrics,
    effects,
    faults,
    firing: () => store.firingSince(Number.MAX_SAFE_INTEGER, 1_000_000),
    post: (body, headers = {}) =>
      fetch(`${url}/webhooks/alertmanager`, {
        method: 'POST',
        redirect: 'manual',
        headers: { authorization: `Bearer ${WEBHOOK_TOKEN}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
      }),
    api: (method, path, role, body) =>
      fetch(`${url}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(role === undefined ? {} : { authorization: `Bearer ${tokenOf(role)}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    stop: async () => {
      await server.stop();
      pipeline.stop();
      await store.close();
      folder.remove();
    },
  };
}

export interface PayloadAlert {
  readonly status?: string;
  readonly labels?: unknown;
  readonly annotations?: unknown;
  readonly startsAt?: unknown;
  readonly endsAt?: unknown;
  readonly [unknown: string]: unknown;
}

export const STARTS_AT = '2026-11-20T15:54:48.913Z';
export const ZERO_TIME = '0001-01-01T00:00:00Z';

/** An alert as Alertmanager sends it. */
export function alertOf(labels: unknown, more: PayloadAlert = {}): PayloadAlert {
  return {
    status: 'firing',
    labels,
    annotations: {},
    startsAt: STARTS_AT,
    endsAt: ZERO_TIME,
    generatorURL: '',
    fingerprint: '50163065262e8a8d',
    ...more,
  };
}

/** A message as Alertmanager sends it. */
export function payloadOf(alerts: unknown, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    receiver: 'remedyd',
    status: 'firing',
    alerts,
    groupLabels: { alertname: 'A' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://am:9093',
    version: '4',
    groupKey: '{}:{alertname="A"}',
    truncatedAlerts: 0,
    ...more,
  };
}
