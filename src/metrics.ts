import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ALERT_STATUSES } from './domain/alert.ts';
import type { Notifier } from './domain/notifier.ts';
import { GATES, OUTCOMES, REASONS } from './domain/reason.ts';
import type { RuleSet } from './domain/rule.ts';
import { SKIP_REASONS, type NotificationChannel } from './domain/state.ts';
import type { OutboxCount, Store, StoreCounts } from './domain/store.ts';
import type { Signal } from './pipeline/event.ts';
import { gates } from './pipeline/gates/index.ts';

/** Statuses that the webhook route answers with. */
const WEBHOOK_CODES = [202, 400, 401, 405, 413, 415, 500, 503] as const;
/** How a step ends. */
const STEP_OUTCOMES = ['succeeded', 'failed', 'skipped', 'unknown'] as const;
const OPEN_STATUSES = ['triggered', 'acknowledged'] as const;
const NOTIFICATION_OUTCOMES = ['sent', 'failed', 'dead'] as const;
type NotificationOutcome = (typeof NOTIFICATION_OUTCOMES)[number];
/** The log stands in for a channel that is not configured. */
const NOTIFIERS = ['slack', 'pagerduty', 'log'] as const satisfies readonly Notifier['name'][];
/** What a label says for a value that is not in its closed list. */
const OTHER = 'other';
/** With more rules a page of all their zeros would cost more than it says: a series then begins with its first event. */
const MAX_INITIALISED_RULES = 1_000;

/** What the gates can say of a run, with the reason that goes with it. */
const DECISIONS = [
  { verdict: 'proceed', reason: 'proceed' },
  ...[...GATES, 'gate_error'].map((reason) => ({ verdict: 'hold', reason })),
  ...['observe_mode', 'acknowledged'].map((reason) => ({ verdict: 'suppress', reason })),
];

/** The gates that skip scheduled runs. */
const SKIPPING_GATES = gates.flatMap(({ name, forSchedules }) => (forSchedules === undefined ? [] : [name]));

/** What can become of a tick. No alert can end a scheduled run. */
const SCHEDULE_OUTCOMES = [
  ...OUTCOMES.filter((outcome) => outcome !== 'self_resolved'),
  ...SKIP_REASONS.map((reason) => `skipped_${reason}`),
];

const SHORT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const STEP_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const HUMAN_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400];

export interface MetricsOptions {
  readonly store: Pick<Store, 'counts' | 'switches' | 'outbox'>;
  /** The rules that are live. */
  readonly rules: () => RuleSet;
  /** The names of all severities. */
  readonly severities: () => readonly string[];
  /** The names of all remediations: a closed list. */
  readonly remediations: readonly string[];
  /** How much waits to be written. */
  readonly inboxDepth: () => number;
  /** Who tells a channel at the moment. */
  readonly notifierOf: (channel: NotificationChannel) => Notifier['name'];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly version: string;
  /** The commit it was built from, or the empty string. */
  readonly revision: string;
  /** When rules and configuration were loaded (epoch ms). */
  readonly loadedAt: number;
}

/** Every series of the daemon, in a registry of its own. All exist from the start; no label is unbounded. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #remediations: ReadonlySet<string>;
  readonly #webhookRequests: Counter<'code'>;
  readonly #lastWebhook: Gauge;
  readonly #alertsReceived: Counter<'status'>;
  readonly #alertsDuplicate: Counter;
  readonly #alertsStale: Counter;
  readonly #alertsQuarantined: Counter;
  readonly #alertsUnmatched: Counter;
  readonly #inboxDepth: Gauge;
  readonly #ruleMatches: Counter<'rule'>;
  readonly #gateDecisions: Counter<'rule' | 'verdict' | 'reason'>;
  readonly #runs: Counter<'rule' | 'outcome'>;
  readonly #scheduleRuns: Counter<'rule' | 'outcome'>;
  readonly #runsActive: Gauge;
  readonly #runsHeld: Gauge<'reason'>;
  readonly #steps: Counter<'remediation' | 'outcome'>;
  readonly #stepDuration: Histogram<'remediation'>;
  readonly #timeToRemediate: Histogram;
  readonly #incidents: Gauge<'status' | 'severity'>;
  readonly #timeToAcknowledge: Histogram;
  readonly #timeToResolve: Histogram;
  readonly #reloadSuccessful: Gauge;
  readonly #reloadSuccessAt: Gauge;
  readonly #rulesLoaded: Gauge;
  readonly #paused: Gauge;
  readonly #breakersOpen: Gauge;
  readonly #commitDuration: Histogram;
  readonly #notifications: Counter<'channel' | 'outcome'>;
  readonly #notificationQueue: Gauge<'channel'>;
  readonly #oldestNotification: Gauge<'channel'>;
  #initialisedFor: RuleSet | undefined;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#remediations = new Set(options.remediations);
    const registers = [this.#registry];
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
      new Counter({ name: `remedyd_${name}`, help, labelNames, registers });
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
      new Gauge({ name: `remedyd_${name}`, help, labelNames, registers });
    const histogram = <L extends string>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ): Histogram<L> => new Histogram({ name: `remedyd_${name}`, help, buckets, labelNames, registers });

    this.#webhookRequests = counter('webhook_requests_total', 'Webhooks answered, by HTTP status.', ['code']);
    this.#lastWebhook = gauge('last_webhook_timestamp_seconds', 'When the last webhook was accepted; 0 before the first.');
    this.#alertsReceived = counter('alerts_received_total', 'Alerts accepted, by their own status.', ['status']);
    this.#alertsDuplicate = counter('alerts_duplicate_total', 'Alerts that fired already.');
    this.#alertsStale = counter('alerts_stale_total', 'Resolved alerts that ended nothing: late copies.');
    this.#alertsQuarantined = counter('alerts_quarantined_total', 'Malformed alerts that were set aside.');
    this.#alertsUnmatched = counter('alerts_unmatched_total', 'New alerts that no rule takes.');
    this.#inboxDepth = gauge('inbox_depth', 'Alerts and events that wait to be written.');
    this.#ruleMatches = counter('rule_matches_total', 'New alerts that a rule took.', ['rule']);
    this.#gateDecisions = counter('gate_decisions_total', 'Verdicts on runs, with the gate that decided.', [
      'rule',
      'verdict',
      'reason',
    ]);
    this.#runs = counter('runs_total', 'Runs that ended, by outcome.', ['rule', 'outcome']);
    this.#runsActive = gauge('runs_active', 'Runs that are running or verifying.');
    this.#runsHeld = gauge('runs_held', 'Runs that a gate holds, by reason.', ['reason']);
    this.#steps = counter('steps_total', 'Steps that ended, by remediation.', ['remediation', 'outcome']);
    this.#stepDuration = histogram('step_duration_seconds', 'From the start of a step to its end.', STEP_BUCKETS, [
      'remediation',
    ]);
    this.#timeToRemediate = histogram('time_to_remediate_seconds', 'From the alert to the first step.', HUMAN_BUCKETS);
    this.#incidents = gauge('incidents', 'Open incidents.', ['status', 'severity']);
    this.#timeToAcknowledge = histogram(
      'time_to_acknowledge_seconds',
      'From the opening of an incident to its acknowledgement.',
      HUMAN_BUCKETS,
    );
    this.#timeToResolve = histogram(
      'time_to_resolve_seconds',
      'From the opening of an incident to its last resolved alert.',
      HUMAN_BUCKETS,
    );
    this.#reloadSuccessful = gauge(
      'config_last_reload_successful',
      'Whether the last load of rules and configuration succeeded.',
    );
    this.#reloadSuccessAt = gauge(
      'config_last_reload_success_timestamp_seconds',
      'When rules and configuration were last loaded.',
    );
    this.#rulesLoaded = gauge('rules_loaded', 'Rules that are live.');
    this.#paused = gauge('paused', 'Whether nothing new is started.');
    this.#breakersOpen = gauge('breakers_open', 'Rules whose breaker is open.');
    this.#commitDuration = histogram('store_commit_duration_seconds', 'Durable commits of the store.', SHORT_BUCKETS);

    for (const code of WEBHOOK_CODES) this.#webhookRequests.inc({ code: String(code) }, 0);
    for (const status of ALERT_STATUSES) this.#alertsReceived.inc({ status }, 0);
    for (const remediation of [...options.remediations, OTHER]) {
      for (const outcome of STEP_OUTCOMES) this.#steps.inc({ remediation, outcome }, 0);
      this.#stepDuration.zero({ remediation });
    }
    this.#notifications = counter('notifications_total', 'Attempts to tell people: taken, to be tried again, or given up.', [
      'channel',
      'outcome',
    ]);
    this.#notificationQueue = gauge('notification_queue_depth', 'Places that wait to be told something.', ['channel']);
    this.#oldestNotification = gauge(
      'notification_oldest_seconds',
      'For how long the place that waits longest has been owed something.',
      ['channel'],
    );
    for (const channel of NOTIFIERS)
      for (const outcome of NOTIFICATION_OUTCOMES) this.#notifications.inc({ channel, outcome }, 0);
    this.#setOutbox([]);
    this.#scheduleRuns = counter(
      'schedule_runs_total',
      'Ticks of schedules, by the outcome of their run, or why there was none.',
      ['rule', 'outcome'],
    );
    gauge('build_info', 'Always 1; the labels say what runs.', ['version', 'revision']).set(
      { version: options.version, revision: options.revision },
      1,
    );
    this.#setCounts({ openIncidents: [], runsHeld: [], runsActive: 0, breakersOpen: 0 });
    this.reloaded(true, options.loadedAt);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts what the pipeline committed. */
  observe(signals: readonly Signal[]): void {
    for (const signal of signals) this.#count(signal);
  }

  countWebhook(code: number, now: number): void {
    this.#webhookRequests.inc({ code: String(code) });
    if (code === 202) this.#lastWebhook.set(now / 1_000);
  }

  observeCommit(seconds: number): void {
    this.#commitDuration.observe(seconds);
  }

  /** Counts an attempt to tell people. */
  countNotification({ channel, outcome }: { readonly channel: Notifier['name']; readonly outcome: NotificationOutcome }): void {
    this.#notifications.inc({ channel, outcome });
  }

  /** Notes how a load of rules and configuration went (`at` in epoch ms); after a failed one the old rules are live. */
  reloaded(successful: boolean, at: number): void {
    this.#reloadSuccessful.set(successful ? 1 : 0);
    if (successful) this.#reloadSuccessAt.set(at / 1_000);
  }

  /** The page for Prometheus. What the store cannot say just now stays as it was. */
  async render(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { store, rules, inboxDepth } = this.#options;
    this.#initialiseRules(rules());
    this.#inboxDepth.set(inboxDepth());
    const [counts, switches, outbox] = await Promise.allSettled([store.counts(), store.switches(), store.outbox()]);
    if (counts.status === 'fulfilled') this.#setCounts(counts.value);
    if (switches.status === 'fulfilled') this.#paused.set(switches.value.pausedAt === null ? 0 : 1);
    if (outbox.status === 'fulfilled') this.#setOutbox(outbox.value);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** The series of live rules begin at zero; those of rules that are gone keep what they counted. */
  #initialiseRules(live: RuleSet): void {
    if (live === this.#initialisedFor) return;
    this.#initialisedFor = live;
    this.#rulesLoaded.set(live.rules.length);
    if (live.rules.length > MAX_INITIALISED_RULES) return;
    for (const { name: rule, schedule } of live.rules) {
      if (schedule !== undefined) {
        for (const outcome of SCHEDULE_OUTCOMES) this.#scheduleRuns.inc({ rule, outcome }, 0);
        for (const reason of SKIPPING_GATES) this.#gateDecisions.inc({ rule, verdict: 'suppress', reason }, 0);
      }
      this.#ruleMatches.inc({ rule }, 0);
      for (const outcome of OUTCOMES) this.#runs.inc({ rule, outcome }, 0);
      for (const { verdict, reason } of DECISIONS) this.#gateDecisions.inc({ rule, verdict, reason }, 0);
    }
  }

  #setCounts({ openIncidents, runsHeld, runsActive, breakersOpen }: StoreCounts): void {
    this.#runsActive.set(runsActive);
    this.#breakersOpen.set(breakersOpen);
    for (const reason of REASONS) this.#runsHeld.set({ reason }, 0);
    for (const { reason, count } of runsHeld) this.#runsHeld.set({ reason }, count);
    this.#incidents.reset();
    for (const status of OPEN_STATUSES)
      for (const severity of this.#options.severities()) this.#incidents.set({ status, severity }, 0);
    for (const { status, severity, count } of openIncidents) this.#incidents.set({ status, severity }, count);
  }

  #setOutbox(outbox: readonly OutboxCount[]): void {
    const { notifierOf, now } = this.#options;
    for (const channel of NOTIFIERS) {
      const counts = outbox.filter((count) => notifierOf(count.channel) === channel);
      const oldest = Math.min(...counts.map(({ oldestAt }) => oldestAt ?? Infinity));
      this.#notificationQueue.set(
        { channel },
        counts.reduce((sum, { waiting }) => sum + waiting, 0),
      );
      this.#oldestNotification.set({ channel }, oldest === Infinity ? 0 : Math.max(0, now() - oldest) / 1_000);
    }
  }

  #count(signal: Signal): void {
    switch (signal.kind) {
      case 'alert':
        this.#alertsReceived.inc({ status: signal.status });
        return;
      case 'duplicate':
        this.#alertsDuplicate.inc();
        return;
      case 'stale':
        this.#alertsStale.inc();
        return;
      case 'quarantined':
        this.#alertsQuarantined.inc();
        return;
      case 'unmatched':
        this.#alertsUnmatched.inc();
        return;
      case 'match':
        this.#ruleMatches.inc({ rule: signal.rule });
        return;
      case 'gate':
        this.#gateDecisions.inc({ rule: signal.rule, verdict: signal.verdict, reason: signal.reason });
        return;
      case 'run_started':
        this.#timeToRemediate.observe(signal.waitedMs / 1_000);
        return;
      case 'run_ended':
        this.#runs.inc({ rule: signal.rule, outcome: signal.outcome });
        return;
      case 'step': {
        const remediation = this.#remediations.has(signal.remediation) ? signal.remediation : OTHER;
        this.#steps.inc({ remediation, outcome: signal.outcome });
        this.#stepDuration.observe({ remediation }, signal.durationMs / 1_000);
        return;
      }
      case 'acknowledged':
        this.#timeToAcknowledge.observe(signal.afterMs / 1_000);
        return;
      case 'incident_closed':
        this.#timeToResolve.observe(signal.afterMs / 1_000);
        return;
      case 'scheduled_run':
        this.#scheduleRuns.inc({ rule: signal.rule, outcome: signal.outcome });
        return;
      case 'schedule_skipped':
        this.#scheduleRuns.inc({ rule: signal.rule, outcome: `skipped_${signal.reason}` }, signal.count);
        return;
      case 'message_without_place':
      case 'escalated':
      case 'approval':
      case 'incident_opened':
        return;
    }
  }
}
