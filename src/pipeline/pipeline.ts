import type { AlertBatch } from '../domain/alert.ts';
import type { Clock } from '../domain/clock.ts';
import type { Rule, RuleSet } from '../domain/rule.ts';
import type { Run } from '../domain/state.ts';
import { StoreUnavailableError, type Changes, type Store } from '../domain/store.ts';
import type { DecisionContext, IdKind, PipelineLimits } from './decision-context.ts';
import type { CommandAnswer, PipelineEffect, PipelineEvent, Signal } from './event.ts';
import { loadWorld } from './load-world.ts';
import { KnownAlerts } from './known-alerts.ts';
import { identifyAlerts, LazyAlert } from './match-alerts.ts';
import { reduce } from './reduce.ts';
import { LONG_DOWNTIME_MS } from './timing.ts';
import type { World } from './world.ts';

/** The pipeline cannot take more just now; Alertmanager has to come again. */
export class OverloadedError extends Error {
  readonly code = 'overloaded';
}

/** The event was withdrawn in time: nothing of it was written, and nothing will be. */
export class NotRecordedError extends Error {
  readonly code = 'not_recorded';
}

export interface PipelineDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: () => PipelineLimits;
  /** The rules that are live at this moment. */
  readonly rules: () => RuleSet;
  /** Makes a rule from its stored definition. */
  readonly compileSnapshot: (definition: string) => Rule;
  readonly newId: (kind: IdKind) => string;
  readonly newToken: () => string;
  /** The Slack channel that messages go to when nothing else is said. */
  readonly defaultChannel: () => string | undefined;
  /** The Slack user id that is configured for a person at this moment. */
  readonly slackIdOf: (person: string) => string | undefined;
  readonly random: () => number;
  readonly start: (effect: PipelineEffect) => void;
  readonly onSignals: (signals: readonly Signal[]) => void;
  /** Something that people should hear is on disk. */
  readonly onTold: () => void;
  /** A fault that is not of the outside: a defect, or a store that cannot be used. */
  readonly onFault: (message: string, error: unknown) => void;
  /** How long it rests at most before it looks for due work; 60 s. A virtual clock needs no such look. */
  readonly longestIdleMs?: number;
}

interface Waiting {
  readonly event: PipelineEvent;
  readonly weight: number;
  readonly resolve: (answer: CommandAnswer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** How much one transaction takes, in events and alerts. */
const BATCH_WEIGHT = 1_000;
/** How much may wait for a transaction before webhooks are refused. */
const MAX_WAITING_WEIGHT = 60_000;
/** How many due runs are taken at once. */
const DUE_BATCH = 256;
/** How many runs are recovered in one transaction. */
const RECOVERY_BATCH = 500;
/** So many transactions may go before one that judges runs. */
const OTHERS_IN_A_ROW = 8;
/** How many runs are judged at once while alerts wait. */
const JUDGED_BETWEEN = 16;
const STORE_RETRY_MS = 1_000;
/** An event that cannot be decided is left alone for so long. */
const POISON_MS = 30_000;
const LONGEST_IDLE_MS = 60_000;
/** What a repeat that says nothing new counts as. */
const REPEAT_SIGNALS: readonly Signal[] = [{ kind: 'alert', status: 'firing' }, { kind: 'duplicate' }];

/**
 * Applies events to the store: all that wait while a transaction is under way share the next one. An event is answered
 * when its transaction is on disk, and its effects start only then.
 */
export class Pipeline {
  readonly #deps: PipelineDeps;
  readonly #queue: Waiting[] = [];
  readonly #poisoned = new Map<string, number>();
  /** Rules that runs were claimed with, by digest: a reload does not change what a run does. */
  readonly #claimedRules = new Map<string, Rule>();
  readonly #known = new KnownAlerts();
  #othersInARow = 0;
  #waitingWeight = 0;
  #isPumping = false;
  #isAccepting = false;
  #startsWork = false;
  #startsEffects = false;
  #isStopped = false;
  #timer: AbortController | undefined;
  #dueAt = Infinity;
  #isLooking = false;
  #lookAgain = false;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
  }

  /** Looks at what the last process left, goes on with it, and begins to take alerts. */
  async start(): Promise<void> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    const lastBeat = await store.beat(now);
    const downtimeMs = lastBeat === null ? 0 : Math.max(0, now - lastBeat);
    const working = await store.runIdsInState(['running', 'verifying']);
    // Among the held ones are those that wait for people: they have started, and keep the rule they were claimed with.
    const held = await store.runIdsInState(['held']);
    await this.#loadClaimedRules([...working, ...held]);
    this.#startsEffects = true;
    await this.apply({ kind: 'booted', downtimeMs });
    await this.#recover(working);
    this.#isAccepting = true;
    // Held runs keep their due times, but after a long downtime delays start again; until then none of them is judged.
    if (downtimeMs > LONG_DOWNTIME_MS) await this.#recover(await store.runIdsInState(['pending', 'held']));
    this.#startsWork = true;
    this.#lookForDueWork();
  }

  async #recover(runIds: readonly string[]): Promise<void> {
    for (let at = 0; at < runIds.length; at += RECOVERY_BATCH) {
      await Promise.all(runIds.slice(at, at + RECOVERY_BATCH).map((runId) => this.apply({ kind: 'recovered', runId })));
    }
  }

  /** Takes nothing new; what is under way may still report. */
  stopAccepting(): void {
    this.#isAccepting = false;
    this.#startsWork = false;
    this.#startsEffects = false;
    this.#timer?.abort();
  }

  /** After this nothing is written any more. */
  stop(): void {
    this.stopAccepting();
    this.#isStopped = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(new StoreUnavailableError('closed', 'the daemon stops'));
  }

  get isAccepting(): boolean {
    return this.#isAccepting;
  }

  get waitingAlerts(): number {
    return this.#waitingWeight;
  }

  /** Resolves when the alerts are on disk. Throws `OverloadedError` or `StoreUnavailableError`; then nothing was kept. */
  async accept(batch: AlertBatch): Promise<void> {
    if (!this.#isAccepting) throw new StoreUnavailableError('closed', 'the daemon starts or stops');
    const weight = batch.alerts.length + batch.quarantined.length + 1;
    if (this.#waitingWeight > 0 && this.#waitingWeight + weight > MAX_WAITING_WEIGHT)
      throw new OverloadedError('too many alerts wait to be written');
    const now = this.#deps.clock.now();
    const rules = this.#deps.rules();
    const identified = identifyAlerts(batch);
    const saysNothing = batch.truncatedAlerts === 0 && batch.quarantined.length === 0;
    if (saysNothing && identified.every(({ alertKey, message }) => this.#known.isRepeat(alertKey, message, now, rules.digest))) {
      this.#deps.onSignals(identified.flatMap(() => REPEAT_SIGNALS));
      return;
    }
    const alerts = identified.map((alert) => new LazyAlert(alert, batch, rules, now));
    await this.#enqueue({ kind: 'alerts', batch, alerts }, weight);
  }

  /**
   * Applies a command or an internal event; resolves when it is on disk. While it waits for its transaction, an abort of
   * the signal withdraws it with a `NotRecordedError`; after that it is answered as ever.
   */
  apply(event: PipelineEvent, { signal }: { readonly signal?: AbortSignal } = {}): Promise<CommandAnswer | undefined> {
    return this.#enqueue(event, 1, signal);
  }

  /** Reports what happened outside. It must not get lost, so it waits for a store that cannot be used just now. */
  async report(event: PipelineEvent): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#enqueue(event, 1);
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await this.#deps.clock.sleep(STORE_RETRY_MS);
      }
    }
  }

  /** The rules were reloaded: what is held is judged by the new ones. */
  async rulesChanged(): Promise<void> {
    await this.apply({ kind: 'rules_changed' });
    this.#lookForDueWork();
  }

  async #enqueue(event: PipelineEvent, weight: number, signal?: AbortSignal): Promise<CommandAnswer | undefined> {
    if (this.#isStopped) throw new StoreUnavailableError('closed', 'the daemon stops');
    if (signal?.aborted) throw withdrawn();
    const { promise, resolve, reject } = Promise.withResolvers<CommandAnswer | undefined>();
    const waiting: Waiting = { event, weight, resolve, reject };
    this.#queue.push(waiting);
    this.#waitingWeight += weight;
    if (!this.#isPumping) void this.#pump();
    if (signal === undefined) return promise;
    const withdraw = (): void => this.#withdraw(waiting);
    signal.addEventListener('abort', withdraw, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', withdraw);
    }
  }

  /** Takes an event back whose transaction has not begun. */
  #withdraw(waiting: Waiting): void {
    const at = this.#queue.indexOf(waiting);
    if (at === -1) return;
    this.#queue.splice(at, 1);
    this.#finish([waiting]);
    waiting.reject(withdrawn());
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#queue.length > 0) await this.#commit(this.#take());
    } finally {
      this.#isPumping = false;
    }
  }

  /**
   * The events of the next transaction, in their order. Runs are not judged together with what changes alerts: the gates
   * look at alerts as they were when the transaction began. Alerts and results go first, so that a storm is accepted and
   * then worked off; but judging always has its turn.
   */
  #take(): Waiting[] {
    const judging = this.#queue.filter(isJudgement).length;
    const isTheirTurn = this.#othersInARow >= OTHERS_IN_A_ROW || judging === this.#queue.length;
    const isJudging = judging > 0 && isTheirTurn;
    // Whoever was just answered is about to send the next webhook: it should not find a long turn of the others.
    const isBusy = judging < this.#queue.length || this.#othersInARow > 0;
    const limit = isJudging && isBusy ? JUDGED_BETWEEN : BATCH_WEIGHT;
    this.#othersInARow = isJudging ? 0 : this.#othersInARow + 1;
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let weight = 0;
    let isFull = false;
    for (const waiting of this.#queue) {
      isFull ||= taken.length > 0 && weight + waiting.weight > limit;
      if (isFull || isJudgement(waiting) !== isJudging) {
        left.push(waiting);
        continue;
      }
      taken.push(waiting);
      weight += waiting.weight;
    }
    this.#queue.splice(0, this.#queue.length, ...left);
    return taken;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await this.#transact(batch.map((waiting) => waiting.event));
      this.#finish(batch);
      batch.forEach((waiting, index) => waiting.resolve(answers[index]));
    } catch (error) {
      if (error instanceof StoreUnavailableError || batch.length === 1) {
        this.#finish(batch);
        if (!(error instanceof StoreUnavailableError)) this.#poison(batch[0]?.event, error);
        for (const waiting of batch) waiting.reject(error);
        return;
      }
      // One bad event must not take the others with it.
      for (const waiting of batch) await this.#commit([waiting]);
    }
  }

  #finish(batch: readonly Waiting[]): void {
    for (const { weight } of batch) this.#waitingWeight -= weight;
  }

  #poison(event: PipelineEvent | undefined, error: unknown): void {
    if (event === undefined) return;
    this.#deps.onFault(`an event of kind ${event.kind} cannot be decided`, error);
    const id = wakeId(event);
    if (id !== '') this.#poisoned.set(id, this.#deps.clock.now() + POISON_MS);
  }

  async #transact(events: readonly PipelineEvent[]): Promise<readonly (CommandAnswer | undefined)[]> {
    const context = this.#context();
    const { world, changes, answers } = await this.#deps.store.transact(async (tx) => {
      const draft = await loadWorld(tx, events, context);
      const decided = sortByUrgency(events, draft).map(({ event, index }) => ({ index, answer: reduce(draft, event, context) }));
      const written = draft.changes();
      await tx.save(written);
      return { world: draft, changes: written, answers: decided.sort((a, b) => a.index - b.index).map(({ answer }) => answer) };
    });
    this.#afterCommit(world, changes, context);
    return answers;
  }

  #context(): DecisionContext {
    const { clock, newId, newToken, slackIdOf, random } = this.#deps;
    const limits = this.#deps.limits();
    const rules = this.#deps.rules();
    return {
      now: clock.now(),
      rules,
      limits,
      newId,
      newToken,
      defaultChannel: this.#deps.defaultChannel(),
      slackIdOf,
      random,
      claimedRule: (run) => {
        const live = rules.byName(run.rule);
        if (live !== undefined && (live.digest === run.ruleDigest || run.startedAt === null)) return live;
        return this.#claimedRules.get(run.ruleDigest);
      },
    };
  }

  #afterCommit(world: World, changes: Changes, context: DecisionContext): void {
    this.#known.remember(changes.newEpisodes);
    this.#known.remember(changes.episodes);
    for (const run of changes.runs) {
      const rule = run.startedAt === null ? undefined : context.claimedRule(run);
      if (rule !== undefined) this.#claimedRules.set(rule.digest, rule);
    }
    if (this.#startsEffects) for (const effect of world.effects) this.#deps.start(effect);
    this.#deps.onSignals(world.signals);
    if (changes.told.length > 0 || changes.notifications.length > 0) this.#deps.onTold();
    let dueAt = Infinity;
    for (const row of [...changes.runs, ...changes.incidents]) if (row.wakeAt !== null) dueAt = Math.min(dueAt, row.wakeAt);
    for (const { nextAt } of changes.schedules) if (nextAt !== null) dueAt = Math.min(dueAt, nextAt);
    if (changes.wakeHeld.length > 0 || changes.wakeAllHeldAt !== undefined) dueAt = context.now;
    if (this.#isLooking) this.#lookAgain = true;
    else if (dueAt < this.#dueAt) this.#arm(dueAt);
  }

  /** Waits for the next due time; what is due is found in the store, so that nothing depends on this process's memory. */
  #arm(dueAt: number): void {
    if (!this.#startsWork) return;
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    this.#dueAt = dueAt;
    const { clock, longestIdleMs = LONGEST_IDLE_MS } = this.#deps;
    const wait = Math.min(Math.max(0, dueAt - clock.now()), longestIdleMs);
    clock.sleep(wait, timer.signal).then(
      () => this.#lookForDueWork(),
      () => undefined,
    );
  }

  #lookForDueWork(): void {
    if (this.#isLooking) {
      this.#lookAgain = true;
      return;
    }
    this.#isLooking = true;
    this.#wakeDue().then(
      (nextAt) => {
        this.#isLooking = false;
        this.#arm(nextAt);
      },
      (error: unknown) => {
        this.#isLooking = false;
        if (!this.#isStopped) this.#deps.onFault('the store cannot be asked for due work', error);
        this.#arm(this.#deps.clock.now() + STORE_RETRY_MS);
      },
    );
  }

  /** Wakes what is due until nothing is; returns when to look again. */
  async #wakeDue(): Promise<number> {
    const { longestIdleMs = LONGEST_IDLE_MS } = this.#deps;
    for (;;) {
      const now = this.#deps.clock.now();
      if (!this.#startsWork) return Infinity;
      this.#lookAgain = false;
      for (const [id, until] of this.#poisoned) if (until <= now) this.#poisoned.delete(id);
      const due = await this.#deps.store.due(now, DUE_BATCH + this.#poisoned.size);
      const events: PipelineEvent[] = [
        ...due.runIds.map((runId): PipelineEvent => ({ kind: 'wake_run', runId })),
        ...due.incidentIds.map((incidentId): PipelineEvent => ({ kind: 'wake_incident', incidentId })),
        ...(due.isScheduleDue ? [{ kind: 'scheduled' } as const] : []),
      ].filter((event) => !this.#poisoned.has(wakeId(event)));
      if (events.length === 0) {
        // What was committed while the store was asked may be due already.
        if (this.#mayHaveMissed()) continue;
        return Math.max(due.nextAt ?? now + longestIdleMs, this.#poisoned.size > 0 ? now + STORE_RETRY_MS : now + 1);
      }
      // A store that cannot be used leaves them due; they are found again.
      const results = await Promise.allSettled(events.map((event) => this.apply(event)));
      const failed = results.find((result) => result.status === 'rejected' && result.reason instanceof StoreUnavailableError);
      if (failed?.status === 'rejected') throw failed.reason;
    }
  }

  #mayHaveMissed(): boolean {
    return this.#lookAgain;
  }

  async #loadClaimedRules(runIds: readonly string[]): Promise<void> {
    const { store } = this.#deps;
    const runs: readonly Run[] = await store.transact((tx) => tx.runs(runIds));
    const digests = new Set(runs.filter((run) => run.startedAt !== null).map((run) => run.ruleDigest));
    for (const [digest, definition] of await store.ruleSnapshots([...digests])) {
      try {
        this.#claimedRules.set(digest, this.#deps.compileSnapshot(definition));
      } catch (error) {
        this.#deps.onFault(`a rule of a run that was under way cannot be read any more (digest ${digest})`, error);
      }
    }
  }
}

function withdrawn(): NotRecordedError {
  return new NotRecordedError('it was withdrawn before it was written');
}

function isJudgement(waiting: Waiting): boolean {
  return waiting.event.kind === 'wake_run';
}

/** What an event that nobody sent wakes: a run, an incident, the schedules; empty for other events. */
function wakeId(event: PipelineEvent): string {
  if (event.kind === 'wake_run') return event.runId;
  if (event.kind === 'scheduled') return event.kind;
  return event.kind === 'wake_incident' ? event.incidentId : '';
}

/** Of runs that are judged together the most urgent comes first, then the oldest; everything else keeps its order before them. */
function sortByUrgency(events: readonly PipelineEvent[], world: World): { event: PipelineEvent; index: number }[] {
  const indexed = events.map((event, index) => ({ event, index }));
  const rank = ({ event }: { event: PipelineEvent }): [number, number] => {
    const run = event.kind === 'wake_run' ? world.run(event.runId) : undefined;
    return run === undefined ? [-1, 0] : [run.severityRank, run.createdAt];
  };
  return indexed.sort((a, b) => {
    const [severityA, createdA] = rank(a);
    const [severityB, createdB] = rank(b);
    return severityA - severityB || createdA - createdB || a.index - b.index;
  });
}
