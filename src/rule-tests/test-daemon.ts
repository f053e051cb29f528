import type { AlertBatch } from '../domain/alert.ts';
import type { Rule } from '../domain/rule.ts';
import type { Incident, NotificationChannel, Run, RunState, StepRecord } from '../domain/state.ts';
import { RUN_STATES } from '../domain/state.ts';
import { NO_CHANGES, type IncidentDetail, type Store } from '../domain/store.ts';
import type { CallRunner } from '../pipeline/dry-walk.ts';
import type { CommandAnswer, PipelineEvent, Signal } from '../pipeline/event.ts';
import { Executor } from '../pipeline/execute.ts';
import { foresee } from '../pipeline/foresee.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { previewRun } from '../pipeline/preview-run.ts';
import { summarize } from '../pipeline/report-summary.ts';
import { TICK_INTERVAL_MS } from '../schedules/tick.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { TestWorld } from './rule-test.ts';
import { standInConnection } from './stand-in-connection.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A place that was told something. */
export interface Told {
  readonly at: number;
  /** Of the row of the outbox. */
  readonly id: string;
  readonly incidentId: string | null;
  readonly channel: NotificationChannel;
  readonly place: string;
}

/** Holds that end with time, and by no event. */
const ENDED_BY_TIME: readonly string[] = ['blast_radius', 'storm'];
/** How many rows of the outbox are told at once. */
const TOLD_BATCH = 500;
const PAGE = 100;

/**
 * The daemon in one process and on a virtual clock: the real pipeline, executor and store. Nothing outside is reached, people
 * hear at once, and time jumps from one thing that is due to the next.
 */
export class TestDaemon {
  readonly clock: VirtualClock;
  readonly told: Told[] = [];
  readonly #world: TestWorld;
  readonly #store: Store;
  readonly #pipeline: Pipeline;
  readonly #executor: Executor;
  readonly #startAt: number;
  readonly #faults: Error[] = [];
  #ids = 0;
  #isTelling = false;
  #tick: { readonly at: number; readonly timer: AbortController } | undefined;

  constructor(world: TestWorld, startAt: number) {
    this.#world = world;
    this.#startAt = startAt;
    this.clock = new VirtualClock(startAt);
    this.#store = new SqliteStore({ path: ':memory:', clock: this.clock });
    const onFault = (message: string, error: unknown): void => void this.#faults.push(new Error(message, { cause: error }));
    this.#executor = new Executor({
      clock: this.clock,
      connection: (kind, name) => standInConnection(kind, name ?? kind),
      ownContainerId: undefined,
      onFault,
      report: (event) => this.#pipeline.report(event),
      preview: (runId) => this.#preview(runId),
      summarize: (sinceMs, rulesPrefix) => {
        const until = this.clock.now();
        return summarize(this.#store, world.rules, { since: until - sinceMs, until }, rulesPrefix);
      },
      foresee: (runId, address, attempt) => this.#foresee(runId, address, attempt),
    });
    this.#pipeline = new Pipeline({
      store: this.#store,
      clock: this.clock,
      limits: () => world.limits,
      rules: () => world.rules,
      compileSnapshot: () => {
        throw new Error('a rule test has one process and no reload');
      },
      newId: (kind) => this.#newId(kind),
      newToken: () => this.#newId('token'),
      defaultChannel: () => world.defaultChannel,
      slackIdOf: (person) => world.slackIds.get(person),
      random: () => 0.5,
      start: (effect) => this.#executor.start(effect),
      onSignals: (signals) => this.#onSignals(signals),
      onTold: () => void this.#tell().catch((error: unknown) => onFault('people cannot be told', error)),
      onFault,
      longestIdleMs: Infinity,
    });
  }

  async start(): Promise<void> {
    await this.#store.open();
    await this.#pipeline.start();
  }

  async stop(): Promise<void> {
    this.#tick?.timer.abort();
    this.#pipeline.stop();
    // Its deadline comes on the virtual clock too.
    await Promise.all([this.#executor.stop(0), this.clock.advance(0)]);
    await this.#store.close();
  }

  /** Lets time pass until this instant (milliseconds since the start), with all work that is due until then and at it. Throws the first fault. */
  async passTo(ms: number): Promise<void> {
    await this.clock.advance(this.#startAt + ms - this.clock.now());
    const [fault] = this.#faults;
    if (fault !== undefined) throw fault;
  }

  accept(batch: AlertBatch): Promise<void> {
    return this.#pipeline.accept(batch);
  }

  /** What a person does. */
  async apply(event: PipelineEvent): Promise<CommandAnswer | undefined> {
    const answer = await this.#pipeline.apply(event);
    this.#armTick();
    return answer;
  }

  /** All runs, the oldest first. */
  async runs(states: readonly RunState[] = RUN_STATES): Promise<readonly Run[]> {
    const ids = await this.#store.runIdsInState(states);
    const runs = await this.#store.transact((tx) => tx.runs(ids));
    return runs.toSorted((a, b) => a.createdAt - b.createdAt || compare(a.id, b.id));
  }

  /** All incidents, the oldest first. */
  async incidents(): Promise<readonly Incident[]> {
    const found: Incident[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.#store.listIncidents({ limit: PAGE, ...(cursor === null ? {} : { cursor }) });
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return found.toSorted((a, b) => a.startedAt - b.startedAt || compare(a.id, b.id));
  }

  incidentDetail(id: string): Promise<IncidentDetail | undefined> {
    return this.#store.incidentDetail(id);
  }

  runDetail(id: string): ReturnType<Store['runDetail']> {
    return this.#store.runDetail(id);
  }

  /** Ids that count, so that the same test has the same ids, in their order. */
  #newId(kind: string): string {
    this.#ids += 1;
    return `${kind}_${String(this.#ids).padStart(8, '0')}`;
  }

  #onSignals(signals: readonly Signal[]): void {
    if (signals.length > 0) this.#armTick();
  }

  /** The outbox is told at once: what the vendors do with it is no part of a rule. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (;;) {
        const at = this.clock.now();
        const { due } = await this.#store.dueNotifications(at, TOLD_BATCH);
        if (due.length === 0) return;
        for (const { notification } of due) {
          const { id, incidentId, channel, place } = notification;
          this.told.push({ at, id, incidentId, channel, place });
        }
        const delivered = due.map(({ notification }) => ({
          ...notification,
          toldVersion: notification.wanted,
          told: {},
          attempts: 0,
        }));
        await this.#store.transact((tx) => tx.save({ ...NO_CHANGES, delivered }));
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** Sets the next tick of the daemon, at or after this instant, for what it may notice then. */
  #armTick(from = this.clock.now()): void {
    const sinceStart = Math.max(from, this.clock.now()) - this.#startAt;
    const at = this.#startAt + (Math.floor(sinceStart / TICK_INTERVAL_MS) + 1) * TICK_INTERVAL_MS;
    if (this.#tick !== undefined && this.#tick.at <= at) return;
    this.#tick?.timer.abort();
    const timer = new AbortController();
    this.#tick = { at, timer };
    this.clock.sleep(at - this.clock.now(), timer.signal).then(
      () => this.#onTick(),
      () => undefined,
    );
  }

  #onTick(): void {
    this.#tick = undefined;
    this.#tickNow().catch((error: unknown) => this.#faults.push(new Error('a tick failed', { cause: error })));
  }

  async #tickNow(): Promise<void> {
    const [{ runsHeld }, { pausedAt, pausedUntil, stormSince }] = await Promise.all([
      this.#store.counts(),
      this.#store.switches(),
    ]);
    const isHolding = runsHeld.some(({ count }) => count > 0);
    if (!isHolding && pausedAt === null && stormSince === null) return;
    await this.#pipeline.apply({ kind: 'tick' });
    const endsByTime = runsHeld.some(({ reason, count }) => count > 0 && ENDED_BY_TIME.includes(reason));
    if (endsByTime || stormSince !== null) this.#armTick();
    else if (pausedUntil !== null) this.#armTick(pausedUntil);
  }

  async #preview(runId: string): Promise<PipelineEvent> {
    const { run, rule } = await this.#runAndRule(runId);
    return { kind: 'previewed', runId, steps: await previewRun(run, rule, this.#lookAhead(runId, 1), this.clock.now()) };
  }

  async #foresee(runId: string, address: string, attempt: number): Promise<PipelineEvent> {
    const { rule, ...detail } = await this.#runAndRule(runId);
    const steps = await foresee(detail, rule, address, this.#lookAhead(runId, attempt), this.clock);
    return { kind: 'foreseen', runId, address, attempt, steps };
  }

  /** Rules never change here: every run has its rule. */
  async #runAndRule(runId: string): Promise<{ readonly run: Run; readonly steps: readonly StepRecord[]; readonly rule: Rule }> {
    const detail = await this.#store.runDetail(runId);
    const rule = detail === undefined ? undefined : this.#world.rules.byName(detail.run.rule);
    if (detail === undefined || rule === undefined) throw new Error(`run ${runId} has no rule`);
    return { run: detail.run, steps: detail.steps, rule };
  }

  /** Calls that are no steps of the run, and use up nothing of the script. */
  #lookAhead(runId: string, attempt: number): CallRunner {
    const { remediations } = this.#world;
    return (call, work) => this.#executor.runCall({ runId, attempt }, call, (context) => work(remediations.peek(context)));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
