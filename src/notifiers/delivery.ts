import type { Clock } from '../domain/clock.ts';
import {
  NotifyError,
  operationFromJson,
  operationToJson,
  type Delivered,
  type News,
  type Notifier,
  type NotifyOperation,
} from '../domain/notifier.ts';
import type { Notification, NotificationChannel } from '../domain/state.ts';
import { StoreUnavailableError, type DueNotification, type Store } from '../domain/store.ts';
import { backoffMs } from './backoff.ts';
import { Bundling } from './bundling.ts';
import { Lanes } from './lanes.ts';
import { outboxChanges } from './outbox-changes.ts';
import { urgencyOf, type Urgency } from './urgency.ts';

/** A message was given up. */
export interface Undeliverable {
  readonly kind: 'undeliverable';
  readonly notificationId: string;
  readonly incidentId: string;
  readonly place: string;
  readonly error: string;
  /** Whether another place may do. */
  readonly isPlaceAtFault: boolean;
}

/** How one attempt ended. `dead`: it is not tried again. */
export interface DeliveryOutcome {
  /** The notifier's name. */
  readonly channel: Notifier['name'];
  readonly outcome: 'sent' | 'failed' | 'dead';
  /** How long the attempt took. */
  readonly seconds: number;
}

export interface DeliveryDeps {
  readonly store: Pick<Store, 'transact' | 'dueNotifications' | 'bundle'>;
  readonly clock: Clock;
  /** Those that are live: a reload may change them. */
  readonly notifiers: () => ReadonlyMap<NotificationChannel, Notifier>;
  /** What there is to say; `undefined` when its incident is gone. */
  readonly newsOf: (notification: Notification) => Promise<News | undefined>;
  /** Tells the pipeline; resolves when it is on disk. */
  readonly report: (event: Undeliverable) => Promise<unknown>;
  readonly newId: (kind: 'bundle') => string;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
  /** A fault that is not of the outside: a defect, or a store that cannot be used. */
  readonly onFault: (message: string, error: unknown) => void;
  readonly log: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export type RetryAnswer = 'due' | 'nothing_owed' | 'not_found';

/** An operation whose turn it is to come. */
interface Plan {
  readonly row: Notification;
  readonly notifier: Notifier;
  readonly operation: NotifyOperation;
  /** What it says; absent for an operation that was begun before. */
  readonly news?: News;
}

/** A row that this process works on. */
interface InHand {
  /** Whether it was found due once more meanwhile. */
  isDueAgain: boolean;
}

const ATTEMPT_MS = 15_000;
const STORE_RETRY_MS = 1_000;
/** How long credentials that were refused are left alone. */
const UNAUTHORIZED_MS = 5 * 60_000;
/** Requests of one vendor at once. */
const MAX_REQUESTS = 16;
/** How many rows are read from the store at once, so that webhooks do not wait behind them. */
const MAX_READS = 2;
/** How many rows may wait for their turn in memory; the others wait on disk. */
const MAX_IN_HAND = 5_000;
/** How many more are taken in hand at once. */
const DUE_BATCH = 250;
const LONGEST_IDLE_MS = 60_000;
/** The least time between two looks at the outbox. */
const LOOK_GAP_MS = 50;

/**
 * Sends what the outbox owes. It remembers nothing that matters: each operation is journaled before it is sent, and what
 * came of it is in the row, so that it may end between any two lines.
 */
export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #bundling: Bundling;
  readonly #lanes: Lanes;
  readonly #requests: Lanes;
  readonly #reads: Lanes;
  readonly #inHand = new Map<string, InHand>();
  readonly #working = new Set<Promise<void>>();
  /** Until when a vendor's credentials are left alone. */
  readonly #unauthorizedUntil = new Map<Notifier['name'], number>();
  /** Ends the loop and all that waits. */
  readonly #stopping = new AbortController();
  /** Ends the requests that are under way. */
  readonly #abort = new AbortController();
  #looping: Promise<void> | undefined;
  #isPoked = false;
  #rest: AbortController | undefined;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
    this.#bundling = new Bundling(deps);
    this.#lanes = new Lanes(deps.clock, 1);
    this.#requests = new Lanes(deps.clock, MAX_REQUESTS);
    this.#reads = new Lanes(deps.clock, MAX_READS);
  }

  /** Begins to deliver. May be called twice. */
  start(): void {
    if (!this.#stopping.signal.aborted) this.#looping ??= this.#loop();
  }

  /** Begins nothing new; what is under way may end within `graceMs`, and is looked for by the next process if it does not. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new DOMException('the delivery stops', 'AbortError'));
    for (const lanes of [this.#lanes, this.#requests, this.#reads]) lanes.stop();
    await this.#looping;
    using deadline = this.#deps.clock.timeout(graceMs);
    await Promise.race([Promise.allSettled(this.#working), whenAborted(deadline.signal)]);
    this.#abort.abort(new DOMException('the daemon stops', 'AbortError'));
    await Promise.allSettled(this.#working);
  }

  /** Something was told: the outbox is looked at now. */
  poke(): void {
    this.#isPoked = true;
    this.#rest?.abort();
  }

  /** The notifiers were made anew: credentials that were refused may be right now. */
  notifiersChanged(): void {
    this.#unauthorizedUntil.clear();
    this.poke();
  }

  /** Has a message tried again now, also one that was given up. */
  async retryNotification(id: string): Promise<RetryAnswer> {
    const { clock } = this.#deps;
    const answer = await this.#deps.store.transact(async (tx): Promise<RetryAnswer> => {
      const [row] = await tx.notifications([id]);
      if (row === undefined) return 'not_found';
      if (row.toldVersion >= row.wanted) return 'nothing_owed';
      await tx.save(outboxChanges({ delivered: [{ ...row, isDead: false, attempts: 0, notBefore: clock.now() }] }));
      return 'due';
    });
    this.poke();
    return answer;
  }

  async #loop(): Promise<void> {
    const { clock, onFault } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isPoked = false;
      let nextAt: number;
      try {
        nextAt = await this.#look();
      } catch (error) {
        onFault('the outbox cannot be read', error);
        nextAt = clock.now() + STORE_RETRY_MS;
      }
      await this.#idle(Math.min(Math.max(nextAt - clock.now(), LOOK_GAP_MS), LONGEST_IDLE_MS));
    }
  }

  /** Waits for the next due time or a poke, but never so little that it becomes a busy loop. */
  async #idle(ms: number): Promise<void> {
    const { clock } = this.#deps;
    const stop = this.#stopping.signal;
    await clock.sleep(LOOK_GAP_MS, stop).catch(() => undefined);
    if (this.#isPoked || stop.aborted || ms <= LOOK_GAP_MS) return;
    const rest = new AbortController();
    this.#rest = rest;
    await clock.sleep(ms - LOOK_GAP_MS, AbortSignal.any([rest.signal, stop])).catch(() => undefined);
    this.#rest = undefined;
  }

  /** Takes what is due in hand. Returns when to look again. */
  async #look(): Promise<number> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    for (let limit = this.#inHand.size + DUE_BATCH; ; limit *= 2) {
      let found = await store.dueNotifications(now, limit);
      // What takes the place of those that were bundled may have to be bundled as well.
      while (await this.#bundling.arrange(found.due)) found = await store.dueNotifications(now, limit);
      if (this.#stopping.signal.aborted) return Infinity;
      const taken = found.due.filter((due) => this.#take(due)).length;
      const isMoreDue = found.due.length === limit && this.#inHand.size < MAX_IN_HAND;
      if (!isMoreDue) return Math.min(found.nextAt ?? Infinity, this.#credentialsTriedAt(now));
      if (taken > 0) return now;
      // Nothing but what has to wait in memory: what is due behind it is asked for as well.
      if (limit >= MAX_IN_HAND) return Math.min(found.nextAt ?? Infinity, this.#credentialsTriedAt(now));
    }
  }

  /** When the first refused credentials are tried again. */
  #credentialsTriedAt(now: number): number {
    return Math.min(Infinity, ...[...this.#unauthorizedUntil.values()].filter((until) => until > now));
  }

  /** Whether the vendor refused our credentials a short time ago. */
  #isUnauthorized({ name }: Notifier): boolean {
    return (this.#unauthorizedUntil.get(name) ?? -Infinity) > this.#deps.clock.now();
  }

  /** Takes a row in hand. Returns whether that is new. */
  #take(due: DueNotification): boolean {
    const { id, channel, bundleId } = due.notification;
    const known = this.#inHand.get(id);
    if (known !== undefined) known.isDueAgain = true;
    const notifier = this.#deps.notifiers().get(channel);
    if (known !== undefined || bundleId !== null || notifier === undefined || this.#isUnauthorized(notifier)) return false;
    const item: InHand = { isDueAgain: false };
    this.#inHand.set(id, item);
    const work = this.#serve(due)
      .catch((error: unknown) => this.#serveFailed(id, error))
      .finally(() => {
        this.#inHand.delete(id);
        this.#working.delete(work);
        if (item.isDueAgain || this.#inHand.size + 1 === MAX_IN_HAND) this.poke();
      });
    this.#working.add(work);
    return true;
  }

  async #serveFailed(id: string, error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#deps.onFault(`message ${id} cannot be delivered just now`, error);
    const isStore = error instanceof StoreUnavailableError;
    if (!isStore) await this.#failed(id, String(error)).catch(() => undefined);
    await this.#deps.clock.sleep(STORE_RETRY_MS, this.#stopping.signal).catch(() => undefined);
    this.poke();
  }

  /** Tells one place everything that it is owed, one operation after the other. */
  async #serve(due: DueNotification): Promise<void> {
    const { id } = due.notification;
    let plan = await this.#plan(id, urgencyOf(due));
    while (plan !== undefined) {
      const urgency = urgencyOf({ ...due, notification: plan.row });
      const lane = laneOf(plan);
      const hasWaited = await this.#lanes.enter(lane, urgency);
      let gapMs = 0;
      try {
        // What it was going to say may be old by now.
        const current: Plan | undefined = hasWaited ? await this.#plan(id, urgency) : plan;
        if (current === undefined) return;
        if (laneOf(current) !== lane) {
          plan = current;
          continue;
        }
        gapMs = current.operation.gapMs;
        if (!(await this.#perform(current, urgency))) return;
      } finally {
        this.#lanes.leave(lane, gapMs);
      }
      plan = await this.#plan(id, urgency);
    }
  }

  /** The next operation of a row; `undefined` when there is none now, also because nothing is owed any more. */
  async #plan(id: string, urgency: Urgency): Promise<Plan | undefined> {
    await this.#reads.enter('read', urgency);
    try {
      for (;;) {
        const row = await this.#read(id);
        const notifier = row === undefined ? undefined : this.#deps.notifiers().get(row.channel);
        if (row === undefined || notifier === undefined || !this.#isDue(row, notifier)) return undefined;
        const begun = begunOperation(row, notifier);
        if (begun !== undefined) return { row, notifier, operation: begun };
        const news = await this.#deps.newsOf(row);
        const operation = news === undefined ? undefined : notifier.next(news, row);
        if (news !== undefined && operation !== undefined) return { row, notifier, operation, news };
        const settled = { underWay: null, attempts: 0, lastError: null };
        const after = await this.#change(id, (now) => ({ ...now, ...settled, toldVersion: versionAfter(row, now) }));
        if (after === undefined || after.toldVersion >= after.wanted) return undefined;
      }
    } finally {
      this.#reads.leave('read', 0);
    }
  }

  #isDue(row: Notification, notifier: Notifier): boolean {
    const now = this.#deps.clock.now();
    const isOwed = row.toldVersion < row.wanted && !row.isDead && row.bundleId === null;
    return isOwed && row.notBefore <= now && !this.#isUnauthorized(notifier);
  }

  /** Does one operation. Returns whether the row can go on. */
  async #perform(plan: Plan, urgency: Urgency): Promise<boolean> {
    const { name } = plan.notifier;
    await this.#requests.enter(name, urgency);
    try {
      if (plan.news !== undefined && !(await this.#journal(plan))) return true;
      if (plan.news === undefined && !plan.operation.isRepeatable) return await this.#find(plan);
      return await this.#send(plan);
    } finally {
      this.#requests.leave(name, 0);
    }
  }

  /** Writes down what is about to be sent. Returns whether the row is still as it was planned for. */
  #journal({ row, notifier, operation }: Plan): Promise<boolean> {
    return this.#deps.store.transact(async (tx) => {
      const [now] = await tx.notifications([row.id]);
      if (now?.bundleId !== null || now.isDead || begunOperation(now, notifier) !== undefined) return false;
      const underWay = { ...operationToJson(operation), notifier: notifier.name };
      await tx.save(outboxChanges({ delivered: [{ ...now, underWay }] }));
      return true;
    });
  }

  /** Looks for an operation whose end is not known. What was not taken is not under way any more. */
  async #find(plan: Plan): Promise<boolean> {
    const { row, notifier, operation } = plan;
    let found: Delivered | undefined;
    try {
      found = await this.#attempt('passing', (signal) => notifier.find(operation, row, signal));
    } catch (error) {
      if (this.#abort.signal.aborted) return false;
      // Where nothing can be looked for, saying it twice is better than not at all.
      if (!(error instanceof NotifyError && isForGood(error))) return this.#refuse(plan, error);
    }
    if (found !== undefined) return this.#record(plan, found);
    await this.#change(row.id, (now) => ({ ...now, underWay: null }));
    return true;
  }

  async #send(plan: Plan): Promise<boolean> {
    const { notifier, operation, row } = plan;
    const { clock } = this.#deps;
    const began = clock.monotonic();
    const outcome = (word: DeliveryOutcome['outcome']): void =>
      this.#deps.onOutcome({ channel: notifier.name, outcome: word, seconds: (clock.monotonic() - began) / 1_000 });
    let delivered: Delivered;
    try {
      delivered = await this.#attempt('unknown', (signal) => notifier.send(operation, row, signal));
    } catch (error) {
      // After a stop nobody knows how far it came: it stays under way, and the next process looks for it.
      if (this.#abort.signal.aborted) return false;
      outcome(error instanceof NotifyError && isForGood(error) ? 'dead' : 'failed');
      return this.#refuse(plan, error);
    }
    outcome('sent');
    return this.#record(plan, delivered);
  }

  /** One request within its time; `late` is what is known of one that does not answer. */
  async #attempt<T>(late: 'passing' | 'unknown', work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using timeout = this.#deps.clock.timeout(ATTEMPT_MS, this.#abort.signal);
    const { signal } = timeout;
    const isLate = whenAborted(signal).then(() => {
      throw new NotifyError(late, `no answer within ${ATTEMPT_MS / 1_000} s`);
    });
    try {
      return await Promise.race([work(signal), isLate]);
    } catch (error) {
      // Of a request that was ended by us a library says what it likes.
      if (!signal.aborted || error instanceof NotifyError) throw error;
      throw new NotifyError(late, `no answer within ${ATTEMPT_MS / 1_000} s`, { cause: error });
    }
  }

  /** Keeps what a place knows now. Returns whether it is owed more. */
  async #record({ row, notifier, news }: Plan, { told, toldPosition }: Delivered): Promise<boolean> {
    const isAll = news !== undefined && isTold(notifier, news, { ...row, told, toldPosition, underWay: null });
    const after = await this.#change(row.id, (now) => ({
      ...now,
      told,
      toldPosition,
      toldVersion: isAll ? versionAfter(row, now) : now.toldVersion,
      underWay: null,
      attempts: 0,
      lastError: null,
    }));
    return after !== undefined && after.toldVersion < after.wanted;
  }

  /** Decides what follows from a failure. Returns false: the row has to wait. */
  async #refuse(plan: Plan, cause: unknown): Promise<false> {
    const { row, notifier, operation, news } = plan;
    const { log, clock, onFault } = this.#deps;
    if (!(cause instanceof NotifyError)) onFault(`notifier ${notifier.name} failed at ${operation.kind} of ${row.id}`, cause);
    const error = cause instanceof NotifyError ? cause : new NotifyError('unknown', String(cause), { cause });
    const fields = {
      notification_id: row.id,
      place: row.place,
      operation: operation.kind,
      code: error.code,
      error: error.message,
    };
    // Only of an operation that was begun just now a refusal says that it was not taken.
    const forget = news !== undefined && error.code !== 'unknown';
    if (isForGood(error)) {
      log.error(fields, 'a message was given up; see: remedyd notifications list');
      await this.#giveUp(row, error);
    } else if (error.code === 'unauthorized') {
      if (!this.#isUnauthorized(notifier))
        log.error(fields, `the credentials of ${notifier.name} are refused; it is tried again in 5 min`);
      this.#unauthorizedUntil.set(notifier.name, clock.now() + UNAUTHORIZED_MS);
      // The row itself waits for nothing but the credentials, which may be repaired at any time.
      await this.#failed(row.id, error.message, { forget, notBefore: clock.now() });
    } else if (error.code === 'limited') {
      const waitMs = error.retryAfterMs ?? backoffMs(row.attempts + 1);
      this.#lanes.block(laneOf(plan), waitMs);
      await this.#failed(row.id, error.message, { forget, notBefore: clock.now() + waitMs });
    } else {
      log.warn(fields, 'a message was not taken; it is tried again');
      await this.#failed(row.id, error.message, { forget });
    }
    return false;
  }

  /** Puts a row off. */
  async #failed(
    id: string,
    lastError: string,
    { forget = false, notBefore }: { readonly forget?: boolean; readonly notBefore?: number } = {},
  ): Promise<void> {
    const after = await this.#change(id, (now) => ({
      ...now,
      underWay: forget ? null : now.underWay,
      attempts: now.attempts + 1,
      notBefore: notBefore ?? this.#deps.clock.now() + backoffMs(now.attempts + 1),
      lastError,
    }));
    if (after !== undefined) this.poke();
  }

  /** The story hears of it before the row is dead: after a crash between the two it is only told once more. */
  async #giveUp(row: Notification, error: NotifyError): Promise<void> {
    const { store, report } = this.#deps;
    const silenced = row.purpose === 'bundle' ? (await store.bundle(row.id)).notifications : [row];
    await Promise.all(
      silenced.map(async ({ id, incidentId, place }) => {
        if (incidentId === null) return;
        const isPlaceAtFault = error.code === 'unreachable_place';
        await report({ kind: 'undeliverable', notificationId: id, incidentId, place, error: error.message, isPlaceAtFault });
      }),
    );
    await this.#change(row.id, (now) => ({
      ...now,
      underWay: null,
      attempts: now.attempts + 1,
      lastError: error.message,
      isDead: true,
    }));
  }

  async #read(id: string): Promise<Notification | undefined> {
    const [row] = await this.#deps.store.transact((tx) => tx.notifications([id]));
    return row;
  }

  /** Changes a row as it is now: others may have asked for more meanwhile. Returns it, or `undefined` when it is gone. */
  #change(id: string, change: (now: Notification) => Notification): Promise<Notification | undefined> {
    return this.#deps.store.transact(async (tx) => {
      const [now] = await tx.notifications([id]);
      if (now === undefined) return undefined;
      const changed = change(now);
      await tx.save(outboxChanges({ delivered: [changed] }));
      return changed;
    });
  }
}

function isForGood({ code }: NotifyError): boolean {
  return code === 'refused' || code === 'unreachable_place';
}

/** A notifier that breaks here must not lose what was just sent. */
function isTold(notifier: Notifier, news: News, row: Notification): boolean {
  try {
    return notifier.next(news, row) === undefined;
  } catch {
    return false;
  }
}

function laneOf({ notifier, operation }: Plan): string {
  return `${notifier.name} ${operation.lane}`;
}

/** How much a place has heard that was told all there was when the row was read: nothing of what was asked for since. */
function versionAfter(read: Notification, now: Notification): number {
  return now.toldVersion === read.toldVersion ? read.wanted : now.toldVersion;
}

/** The operation that a row had begun; what another notifier began means nothing to this one. */
function begunOperation(row: Notification, notifier: Notifier): NotifyOperation | undefined {
  return row.underWay?.['notifier'] === notifier.name ? operationFromJson(row.underWay) : undefined;
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
