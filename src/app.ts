import { randomBytes } from 'node:crypto';
import type { Clock } from './domain/clock.ts';
import type { JsonObject } from './domain/json.ts';
import { findConnection } from './domain/find-connection.ts';
import type { RuleSet } from './domain/rule.ts';
import type { Settings } from './domain/settings.ts';
import type { Store } from './domain/store.ts';
import { RunEvents } from './handlers/run-events.ts';
import { startServer, type RunningServer } from './handlers/server.ts';
import { logSignals, type Logger } from './logger.ts';
import { Metrics } from './metrics.ts';
import { newId } from './new-id.ts';
import { dryRun, type DryRunStep } from './pipeline/dry-run.ts';
import type { PipelineEvent, Signal } from './pipeline/event.ts';
import { Executor } from './pipeline/execute.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { scopeOfRun } from './pipeline/scope-of-run.ts';
import { remediations } from './remediations/index.ts';
import { compileSnapshot } from './rules/compile-snapshot.ts';
import { RuleWatch, tooManyVanished } from './rules/rule-watch.ts';
import { formatProblem, type Problem } from './schema/problem.ts';
import { restartOnlyChanges } from './restart-only-changes.ts';
import { startSchedules, type Schedules } from './schedules/index.ts';

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

/** The daemon: builds every part, starts them in order, stops them in reverse. */
export class App {
  readonly #options: AppOptions;
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  #live: LoadedWorld;
  #lastReload: { readonly at: number; readonly problems: readonly string[] };
  #pipeline: Pipeline | undefined;
  #metrics: Metrics | undefined;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: AppOptions) {
    this.#options = options;
    this.#live = options.loaded;
    this.#lastReload = { at: options.clock.now(), problems: [] };
  }

  /** Resolves when alerts are taken. Returns the address it listens on. */
  async start(): Promise<string> {
    const { store, clock, log, version, ownContainerId } = this.#options;
    const { settings } = this.#live;
    const onFault = (message: string, error: unknown): void => log.error({ err: error }, message);

    await store.open();
    this.#stops.push({ name: 'store', stop: () => store.close() });

    const metrics = new Metrics({
      store,
      rules: () => this.#live.rules,
      severities: () => this.#live.settings.severities.map((severity) => severity.name),
      remediations: [...remediations.keys()],
      inboxDepth: () => this.#pipeline?.waitingAlerts ?? 0,
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
      random: Math.random,
      start: (effect) => executor.start(effect),
      onSignals,
      onFault,
    });
    this.#pipeline = pipeline;

    // It listens before recovery is done: until then webhooks get 503, and Alertmanager comes again.
    const server: RunningServer = await startServer({
      settings,
      pipeline,
      store,
      clock,
      metrics,
      events,
      version,
      rules: () => this.#live.rules,
      reload: () => this.reload(),
      lastReload: () => this.#lastReload,
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

    const schedules: Schedules = startSchedules({
      store,
      pipeline,
      clock,
      settings: () => this.#live.settings,
      onReminder: (text) => log.warn(text),
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
    this.#live = loaded;
    this.#metrics?.reloaded(true, at);
    this.#lastReload = { at, problems: [] };
    await this.#pipeline?.rulesChanged();
    log.info({ rules: loaded.rules.rules.length }, 'rules reloaded');
    return this.#lastReload;
  }

  /** What an observed rule would have done: its steps, planned and not done. */
  async #preview(runId: string, executor: Executor): Promise<PipelineEvent> {
    const detail = await this.#options.store.runDetail(runId);
    const rule = detail === undefined ? undefined : this.#live.rules.byName(detail.run.rule);
    const [rung] = rule?.rungs ?? [];
    if (detail === undefined || rung === undefined) return { kind: 'previewed', runId, steps: [] };
    const steps = await dryRun(rung, scopeOfRun(detail.run, this.#options.clock.now()), (call, work) =>
      executor.runCall(runId, 1, call, work),
    );
    return {
      kind: 'previewed',
      runId,
      steps: steps.map((step) => ({
        address: step.address,
        id: step.id,
        uses: step.uses,
        summary: previewText(step),
      })),
    };
  }
}

/** What an observed rule's step would have done, for the timeline. */
function previewText({ state, uses, plan, error }: DryRunStep): string {
  switch (state) {
    case 'planned':
      return `would ${plan?.summary ?? uses}`;
    case 'read':
      return `${uses} was read`;
    case 'skipped':
      return `${uses} would be skipped`;
    case 'failed':
      return `${uses} would fail: ${error?.message ?? 'no reason is known'}`;
  }
}

/** A stored definition; `compileSnapshot` checks what is in it. */
function parseDefinition(definition: string): JsonObject {
  const parsed: unknown = JSON.parse(definition);
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
