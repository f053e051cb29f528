import { randomBytes } from 'node:crypto';
import { buildNotifiers } from './build-notifiers.ts';
import type { Clock } from './domain/clock.ts';
import type { JsonObject } from './domain/json.ts';
import { findConnection } from './domain/find-connection.ts';
import type { Notifier } from './domain/notifier.ts';
import type { Rule, RuleSet } from './domain/rule.ts';
import type { Settings } from './domain/settings.ts';
import type { NotificationChannel, Run } from './domain/state.ts';
import type { Store } from './domain/store.ts';
import { RunEvents } from './handlers/run-events.ts';
import { PagerDutyIn } from './handlers/pagerduty-in.ts';
import { PagerDutyWebhook } from './handlers/pagerduty-webhook.ts';
import { startServer, type RunningServer } from './handlers/server.ts';
import type { SlackInDeps } from './handlers/slack/slack-in-deps.ts';
import { SlackIn } from './handlers/slack/slack-in.ts';
import { startSlackSocket } from './handlers/slack/slack-socket.ts';
import { SlackWebhook } from './handlers/slack/slack-webhook.ts';
import { logSignals, type Logger } from './logger.ts';
import { Metrics } from './metrics.ts';
import { newId } from './new-id.ts';
import { Delivery } from './notifiers/delivery.ts';
import { putNotice } from './notifiers/put-notice.ts';
import type { CallRunner } from './pipeline/dry-walk.ts';
import type { PipelineEvent, Signal } from './pipeline/event.ts';
import { Executor } from './pipeline/execute.ts';
import { foresee } from './pipeline/foresee.ts';
import { newsOf, newsOfIncident, type NewsDeps } from './pipeline/news.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { postMortem } from './pipeline/post-mortem.ts';
import { previewRun } from './pipeline/preview-run.ts';
import { summarize } from './pipeline/report-summary.ts';
import { remediations } from './remediations/index.ts';
import { compileSnapshot } from './rules/compile-snapshot.ts';
import { RuleWatch, tooManyVanished } from './rules/rule-watch.ts';
import { formatProblem, type Problem } from './schema/problem.ts';
import { restartOnlyChanges } from './restart-only-changes.ts';
import { startSchedules, type Schedules } from './schedules/index.ts';
import { SlackWorkspace } from './slack-workspace.ts';

/** Everything that a reload makes anew, checked as a whole. */
export interface LoadedWorld {
  readonly settings: Settings;
  readonly rules: RuleSet;
}

export type LoadResult =
  | { readonly loaded: LoadedWorld; readonly problems: readonly Problem[] }
  | { readonly loaded?: undefined; readonly problems: readonly Problem[] };

export interface AppOptions {
  readonly loaded: LoadedWorld;
  /** Reads configuration and rules again. */
  readonly load: () => Promise<LoadResult>;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly ownContainerId: string | undefined;
}

/** How long a stop lets steps that are under way finish; Kubernetes and systemd give 30 s and more. */
const STOP_GRACE_MS = 20_000;
/** How long it lets messages that are under way be taken; what is not is looked for by the next process. */
const DELIVERY_GRACE_MS = 3_000;

/** The daemon: builds every part, starts them in order, stops them in reverse. */
export class App {
  readonly #options: AppOptions;
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  #live: LoadedWorld;
  #lastReload: { readonly at: number; readonly problems: readonly string[] };
  #pipeline: Pipeline | undefined;
  #metrics: Metrics | undefined;
  #delivery: Delivery | undefined;
  readonly #workspace: SlackWorkspace;
  #notifiers: ReadonlyMap<NotificationChannel, Notifier> = new Map();
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: AppOptions) {
    this.#options = options;
    this.#live = options.loaded;
    this.#lastReload = { at: options.clock.now(), problems: [] };
    const { clock, log } = options;
    const warn = (fields: object, message: string): void => log.warn(fields, message);
    this.#workspace = new SlackWorkspace({ settings: () => this.#live.settings, clock, warn });
  }

  /** Resolves when alerts are taken. Returns the address it listens on. */
  async start(): Promise<string> {
    const { store, clock, log, version, ownContainerId } = this.#options;
    const { settings } = this.#live;
    const onFault = (message: string, error: unknown): void => log.error({ err: error }, message);

    await store.open();
    this.#stops.push({ name: 'store', stop: () => store.close() });
    this.#notifiers = await this.#buildNotifiers(settings);

    const metrics = new Metrics({
      store,
      rules: () => this.#live.rules,
      severities: () => this.#live.settings.severities.map((severity) => severity.name),
      remediations: [...remediations.keys()],
      inboxDepth: () => this.#pipeline?.waitingAlerts ?? 0,
      notifierOf: (channel) => this.#notifiers.get(channel)?.name ?? 'log',
      now: () => clock.now(),
      version,
      revision: '',
      loadedAt: clock.now(),
    });
    this.#metrics = metrics;
    store.onCommit((seconds) => metrics.observeCommit(seconds));
    const events = new RunEvents(clock);
    const onSignals = (signals: readonly Signal[]): void => {
      metrics.observe(signals);
      events.publish(signals);
      logSignals(log, signals);
    };

    const executor: Executor = new Executor({
      clock,
      connection: (kind, name) => findConnection(this.#live.settings.connections, kind, name),
      ownContainerId,
      onFault,
      report: (event) => pipeline.report(event),
      preview: (runId) => this.#preview(runId, executor),
      summarize: (sinceMs, rulesPrefix) => {
        const until = clock.now();
        return summarize(store, this.#live.rules, { since: until - sinceMs, until }, rulesPrefix);
      },
      foresee: (runId, address, attempt) => this.#foresee({ runId, address, attempt }, executor),
    });
    const pipeline = new Pipeline({
      store,
      clock,
      limits: () => this.#live.settings.limits,
      rules: () => this.#live.rules,
      compileSnapshot: (definition) => compileSnapshot(parseDefinition(definition), { remediations }),
      newId,
      newToken: () => randomBytes(16).toString('base64url'),
      defaultChannel: () => this.#live.settings.slack?.defaultChannel,
      slackIdOf: (person) => this.#live.settings.people.get(person)?.slack,
      random: Math.random,
      start: (effect) => executor.start(effect),
      onSignals,
      onTold: () => this.#delivery?.poke(),
      onFault,
    });
    this.#pipeline = pipeline;
    const delivery = new Delivery({
      store,
      clock,
      notifiers: () => this.#notifiers,
      newsOf: (notification) => newsOf(notification, this.#newsDeps()),
      report: (event) => pipeline.report(event),
      newId,
      onOutcome: (outcome) => metrics.countNotification(outcome),
      onFault,
      log,
    });
    this.#delivery = delivery;
    const slackDeps = this.#slackDeps(pipeline);
    const slackIn = new SlackIn(slackDeps);
    const pagerDutyDeps = { pipeline, store, clock, settings: () => this.#live.settings, log, onFault };

    // It listens before recovery is done: until then webhooks get 503, and Alertmanager comes again.
    const server: RunningServer = await startServer({
      settings,
      roles: () => this.#live.settings.roles,
      pipeline,
      store,
      clock,
      metrics,
      events,
      version,
      rules: () => this.#live.rules,
      reload: () => this.reload(),
      lastReload: () => this.#lastReload,
      newsOf: (incidentId) => newsOfIncident(incidentId, this.#newsDeps()),
      retryNotification: (id) => delivery.retryNotification(id),
      slack: new SlackWebhook(slackIn, slackDeps),
      pagerDuty: new PagerDutyWebhook(new PagerDutyIn(pagerDutyDeps), pagerDutyDeps),
      onWebhook: (status) => metrics.countWebhook(status, clock.now()),
      onFault,
    });
    this.#stops.push({ name: 'server', stop: () => server.stop() });
    this.#stops.push({
      name: 'pipeline',
      stop: async () => {
        pipeline.stopAccepting();
        await executor.stop(STOP_GRACE_MS);
        pipeline.stop();
      },
    });
    await pipeline.start();
    delivery.start();
    this.#stops.push({ name: 'delivery', stop: () => delivery.stop(DELIVERY_GRACE_MS) });
    this.#stops.push({ name: 'slack', stop: () => slackIn.stop() });
    this.#workspace.start();
    this.#stops.push({ name: 'slack workspace', stop: () => this.#workspace.stop() });
    if (settings.slack?.appToken !== undefined) {
      const { appToken, apiUrl } = settings.slack;
      const socket = startSlackSocket({ slackIn, appToken, ...(apiUrl === undefined ? {} : { apiUrl }), clock, log });
      this.#stops.push({ name: 'slack socket', stop: () => socket.stop() });
    }

    const schedules: Schedules = startSchedules({
      store,
      pipeline,
      clock,
      settings: () => this.#live.settings,
      rules: () => this.#live.rules,
      onReminder: (text) => this.#remind(text),
      onWindowNews: (texts) => {
        for (const text of texts) log.info(text);
        this.#delivery?.poke();
      },
      onFault,
    });
    this.#stops.push({ name: 'schedules', stop: () => schedules.stop() });
    if (settings.watch) {
      const watch = new RuleWatch(settings.rules, clock, () => void this.reload({ byHand: false }));
      await watch.start();
      this.#stops.push({ name: 'watch', stop: () => watch.stop() });
    }
    log.info({ url: server.url, rules: this.#live.rules.rules.length, version }, 'ready');
    return server.url;
  }

  /** Stops everything that was started, in reverse. May be called twice, and after a start that failed. */
  async stop(): Promise<void> {
    const { log } = this.#options;
    for (const { name, stop } of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        log.error({ err: error, part: name }, 'a part did not stop');
      }
    }
  }

  /** Checks configuration and rules as a whole and takes them, or keeps the old ones and says why. */
  reload(
    options: { readonly byHand: boolean } = { byHand: true },
  ): Promise<{ readonly at: number; readonly problems: readonly string[] }> {
    const next = this.#reloading.then(() => this.#reloadNow(options.byHand));
    this.#reloading = next.catch(() => undefined);
    return next;
  }

  async #reloadNow(byHand: boolean): Promise<{ readonly at: number; readonly problems: readonly string[] }> {
    const { load, clock, log } = this.#options;
    const { loaded, problems } = await load();
    const at = clock.now();
    const vanished = loaded === undefined || byHand ? undefined : tooManyVanished(this.#live.rules, loaded.rules);
    const texts = vanished === undefined ? problems.map(formatProblem) : [vanished];
    if (loaded === undefined || vanished !== undefined) {
      for (const text of texts) log.error({ problem: text }, 'reload failed; the old rules stay live');
      this.#metrics?.reloaded(false, at);
      this.#lastReload = { at, problems: texts };
      return this.#lastReload;
    }
    for (const text of texts) log.warn({ problem: text }, 'rules');
    const ignored = restartOnlyChanges(this.#live.settings, loaded.settings);
    if (ignored.length > 0) log.warn({ settings: ignored }, 'these settings have changed and need a restart');
    const notifiers = await this.#buildNotifiers(loaded.settings);
    this.#live = loaded;
    this.#notifiers = notifiers;
    this.#delivery?.notifiersChanged();
    this.#metrics?.reloaded(true, at);
    this.#lastReload = { at, problems: [] };
    await this.#pipeline?.rulesChanged();
    log.info({ rules: loaded.rules.rules.length }, 'rules reloaded');
    return this.#lastReload;
  }

  #buildNotifiers(settings: Settings): Promise<ReadonlyMap<NotificationChannel, Notifier>> {
    const { log } = this.#options;
    return buildNotifiers(settings, {
      whoIs: (name) => this.#workspace.whoIs(name),
      writeLine: (line) => log.info(line),
    });
  }

  #newsDeps(): NewsDeps {
    const { store, clock } = this.#options;
    const { rules, settings } = this.#live;
    return { store, rules, settings, now: clock.now(), postMortem };
  }

  #slackDeps(pipeline: Pipeline): SlackInDeps {
    const { store, clock, log } = this.#options;
    return {
      pipeline,
      store,
      clock,
      settings: () => this.#live.settings,
      rules: () => this.#live.rules,
      usergroupMembers: (id) => this.#workspace.usergroupMembers(id),
      teamId: () => this.#workspace.teamId(),
      onFault: (message, error) => log.error({ err: error }, message),
      log,
    };
  }

  /** Tells the log, and the channel that messages go to when nothing else is said. */
  async #remind(text: string): Promise<void> {
    const { store, clock, log } = this.#options;
    log.warn(text);
    const place = this.#live.settings.slack?.defaultChannel;
    if (place === undefined) return;
    await putNotice(store, { topic: 'pause', channel: 'slack', place, text }, clock.now());
    this.#delivery?.poke();
  }

  /** The steps after the one that people are asked for, as the rule has them that the run was claimed with. */
  async #foresee(
    { runId, address, attempt }: { readonly runId: string; readonly address: string; readonly attempt: number },
    executor: Executor,
  ): Promise<PipelineEvent> {
    const { store, clock } = this.#options;
    const detail = await store.runDetail(runId);
    const rule = detail === undefined ? undefined : await this.#claimedRule(detail.run);
    if (detail === undefined || rule === undefined) return { kind: 'foreseen', runId, address, attempt, steps: [] };
    const steps = await foresee(detail, rule, address, (call, work) => executor.runCall({ runId, attempt }, call, work), clock);
    return { kind: 'foreseen', runId, address, attempt, steps };
  }

  async #claimedRule({ rule, ruleDigest }: Run): Promise<Rule | undefined> {
    const live = this.#live.rules.byName(rule);
    if (live?.digest === ruleDigest) return live;
    const definition = (await this.#options.store.ruleSnapshots([ruleDigest])).get(ruleDigest);
    return definition === undefined ? undefined : compileSnapshot(parseDefinition(definition), { remediations });
  }

  /** What an observed rule would have done: its steps, planned and not done. */
  async #preview(runId: string, executor: Executor): Promise<PipelineEvent> {
    const { store, clock } = this.#options;
    const detail = await store.runDetail(runId);
    const rule = detail === undefined ? undefined : this.#live.rules.byName(detail.run.rule);
    if (detail === undefined || rule === undefined) return { kind: 'previewed', runId, steps: [] };
    const runCall: CallRunner = (call, work) => executor.runCall({ runId, attempt: 1 }, call, work);
    return { kind: 'previewed', runId, steps: await previewRun(detail.run, rule, runCall, clock.now()) };
  }
}

/** A stored definition; `compileSnapshot` checks what is in it. */
function parseDefinition(definition: string): JsonObject {
  const parsed: unknown = JSON.parse(definition);
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
