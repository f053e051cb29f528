import type { AlertBatch } from '../domain/alert.ts';
import { StepError } from '../domain/remediation.ts';
import type { Incident, NotificationChannel, Run, RunState } from '../domain/state.ts';
import { RUN_STATES } from '../domain/state.ts';
import { NO_CHANGES, type IncidentDetail, type Store } from '../domain/store.ts';
import { dryRun, type DryRunStep } from '../pipeline/dry-run.ts';
import type { CommandAnswer, PipelineEvent, Signal } from '../pipeline/event.ts';
import { Executor } from '../pipeline/execute.ts';
import { foresee } from '../pipeline/foresee.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { summarize } from '../pipeline/report-summary.ts';
import { scopeOfRun } from '../pipeline/scope-of-run.ts';
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

/** How often the daemon looks at holds whose end no event announces. */
const TICK_MS = 5_000;
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
  #tick: AbortController | undefined;

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
    this.#tick?.abort();
    this.#pipeline.stop();
    await this.#executor.stop(0);
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

  /** The next tick of the daemon, if something has changed that a tick may notice. */
  #armTick(): void {
    if (this.#tick !== undefined) return;
    const timer = new AbortController();
    this.#tick = timer;
    const wait = TICK_MS - (this.clock.monotonic() % TICK_MS);
    this.clock.sleep(wait, timer.signal).then(
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
    if (endsByTime || pausedUntil !== null || stormSince !== null) this.#armTick();
  }

  async #preview(runId: string): Promise<PipelineEvent> {
    const detail = await this.#store.runDetail(runId);
    const rule = detail === undefined ? undefined : this.#world.rules.byName(detail.run.rule);
    const [rung] = rule?.rungs ?? [];
    if (detail === undefined || rung === undefined) return { kind: 'previewed', runId, steps: [] };
    const steps = await dryRun(rung, scopeOfRun(detail.run, this.clock.now()), (call, work) =>
      this.#executor.runCall({ runId, attempt: 1 }, call, (context) => work(this.#world.remediations.peek(context))),
    );
    return {
      kind: 'previewed',
      runId,
      steps: steps.map(({ address, id, uses, ...step }) => ({ address, id, uses, summary: describe(uses, step) })),
    };
  }

  async #foresee(runId: string, address: string, attempt: number): Promise<PipelineEvent> {
    const detail = await this.#store.runDetail(runId);
    const rule = detail === undefined ? undefined : this.#world.rules.byName(detail.run.rule);
    if (detail === undefined || rule === undefined)
      throw new StepError('internal_error', `no rule of run ${runId}`, { happened: 'nothing' });
    const steps = await foresee(
      detail,
      rule,
      address,
      (call, work) => this.#executor.runCall({ runId, attempt }, call, (context) => work(this.#world.remediations.peek(context))),
      this.clock,
    );
    return { kind: 'foreseen', runId, address, attempt, steps };
  }
}

function describe(uses: string, { state, plan, error }: Pick<DryRunStep, 'state' | 'plan' | 'error'>): string {
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
