import { randomBytes } from 'node:crypto';
import type { Connection } from '../../src/domain/connection.ts';
import type { RuleSet } from '../../src/domain/rule.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { ApiRole, AuthSettings, Person, Role, Settings, SlackSettings } from '../../src/domain/settings.ts';
import type { AlertContent, Episode } from '../../src/domain/state.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { RunEvents } from '../../src/handlers/run-events.ts';
import { startServer, type RunningServer } from '../../src/handlers/server.ts';
import type { SlackInDeps } from '../../src/handlers/slack/slack-in-deps.ts';
import { SlackIn } from '../../src/handlers/slack/slack-in.ts';
import { SlackWebhook } from '../../src/handlers/slack/slack-webhook.ts';
import { Metrics } from '../../src/metrics.ts';
import { newId } from '../../src/new-id.ts';
import { Delivery } from '../../src/notifiers/delivery.ts';
import type { PipelineEffect, PipelineEvent, Signal } from '../../src/pipeline/event.ts';
import { newsOfIncident } from '../../src/pipeline/news.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { load } from '../support/rule-settings.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { StallableStore } from './slack-stallable-store.ts';

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
  /** Instead of the rules of all tests. */
  readonly rules?: string;
  readonly slack?: SlackEdgeOptions;
}

/** Slack as it is configured, and what it would say of its people. */
export interface SlackEdgeOptions {
  readonly settings: SlackSettings;
  readonly people?: ReadonlyMap<string, Person>;
  readonly roles?: ReadonlyMap<string, Role>;
  readonly connections?: readonly Connection[];
  readonly usergroupMembers?: (id: string) => Promise<readonly string[]>;
  readonly teamId?: string;
}

/** The HTTP edge with the real pipeline and the real store behind it. No step is executed. */
export interface Edge {
  readonly url: string;
  readonly store: StallableStore;
  readonly pipeline: Pipeline;
  readonly rules: RuleSet;
  readonly metrics: Metrics;
  readonly effects: readonly PipelineEffect[];
  readonly faults: readonly string[];
  /** What people in Slack asked of the pipeline; not what was refused before. */
  readonly asked: readonly PipelineEvent[];
  /** What the edge to Slack warned of in the log. */
  readonly warnings: readonly object[];
  readonly slackIn?: SlackIn;
  readonly newsOf: () => Promise<undefined>;
  readonly retryNotification: () => Promise<'not_found'>;
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
  const store = new StallableStore({ path: `${folder.path}/remedyd.db`, clock });
  await store.open();
  const { ruleSet: rules, problems } = load(options.rules ?? RULES);
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
    notifierOf: () => 'log',
    now: () => clock.now(),
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
    newToken: () => randomBytes(16).toString('base64url'),
    defaultChannel: () => undefined,
    slackIdOf: (person) => (options.slack?.people ?? PEOPLE).get(person)?.slack,
    random: Math.random,
    start: (effect) => void effects.push(effect),
    onSignals,
    onTold: () => undefined,
    onFault,
  });
  // It is never started: what is owed stays owed.
  const delivery = new Delivery({
    store,
    clock,
    notifiers: () => new Map(),
    newsOf: () => Promise.resolve(undefined),
    report: () => Promise.resolve(),
    newId,
    onOutcome: () => undefined,
    onFault,
    log: { warn: () => undefined, error: () => undefined },
  });
  if (options.isStarted !== false) await pipeline.start();
  const asked: PipelineEvent[] = [];
  const warnings: object[] = [];
  const slack =
    options.slack === undefined
      ? undefined
      : createSlack(options.slack, options.tokens ?? TOKENS, {
          store,
          pipeline,
          clock,
          rules: () => rules,
          asked,
          warnings,
          onFault,
        });
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
    roles: () => options.slack?.roles ?? new Map(),
    pipeline,
    store,
    clock,
    events,
    metrics,
    version: '1.2.3',
    rules: () => rules,
    newsOf: (id) => newsOfIncident(id, { store, rules, settings: { people: new Map() }, now: clock.now() }),
    retryNotification: (id) => delivery.retryNotification(id),
    ...(slack === undefined ? {} : { slack: slack.webhook }),
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
    asked,
    warnings,
    ...(slack === undefined ? {} : { slackIn: slack.slackIn }),
    newsOf: () => Promise.resolve(undefined),
    retryNotification: () => Promise.resolve('not_found'),
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
      store.goOn();
      await server.stop();
      await slack?.slackIn.stop();
      pipeline.stop();
      await store.close();
      folder.remove();
    },
  };
}

/** People by their ids in Slack; those with tokens have the token's role. */
const PEOPLE: ReadonlyMap<string, Person> = new Map([
  ['alice', { slack: 'U0ALICE01' }],
  ['bob', { slack: 'U0BOB0001' }],
  ['the-admin', { slack: 'U0ADMIN01' }],
  ['the-viewer', { slack: 'U0VIEWER1' }],
]);

interface SlackParts extends Pick<SlackInDeps, 'store' | 'pipeline' | 'clock' | 'rules' | 'onFault'> {
  readonly asked: PipelineEvent[];
  readonly warnings: object[];
}

/** The edge to Slack over the real pipeline, with a note of every event that reaches it. */
function createSlack(
  options: SlackEdgeOptions,
  tokens: AuthSettings['tokens'],
  { asked, warnings, pipeline, ...parts }: SlackParts,
): { readonly slackIn: SlackIn; readonly webhook: SlackWebhook } {
  const settings = {
    slack: options.settings,
    people: options.people ?? PEOPLE,
    roles: options.roles ?? new Map(),
    auth: { webhook: [], tokens },
    connections: options.connections ?? [],
  };
  const deps: SlackInDeps = {
    ...parts,
    pipeline: {
      get isAccepting() {
        return pipeline.isAccepting;
      },
      apply: (event, how) => {
        if (event.kind !== 'recorded') asked.push(event);
        return pipeline.apply(event, how);
      },
    },
    settings: () => settings,
    usergroupMembers: options.usergroupMembers ?? (() => Promise.resolve([])),
    teamId: () => options.teamId,
    log: { info: () => undefined, warn: (fields) => void warnings.push(fields), error: () => undefined },
  };
  const slackIn = new SlackIn(deps);
  return { slackIn, webhook: new SlackWebhook(slackIn, deps) };
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
