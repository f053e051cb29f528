import { NO_CHANGES, StoreUnavailableError, type DueNotification } from '../domain/store.ts';
import { Bundling } from './bundling.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import { Failures } from './failures.ts';
import { Lanes } from './lanes.ts';
import { Outbox } from './outbox.ts';
import { RefusedCredentials } from './refused-credentials.ts';
import { RowService } from './row-service.ts';
import { VendorOutages } from './vendor-outages.ts';
import { whenAborted } from './when-aborted.ts';

export type { DeliveryOutcome, Undeliverable } from './delivery-deps.ts';

export type RetryAnswer = 'due' | 'nothing_owed' | 'not_found';

/** A row that this process works on. */
interface InHand {
  /** Whether it was found due once more meanwhile. */
  isDueAgain: boolean;
}

const STORE_RETRY_MS = 1_000;
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
  readonly #credentials: RefusedCredentials;
  readonly #failures: Failures;
  readonly #rows: RowService;
  readonly #inHand = new Map<string, InHand>();
  readonly #working = new Set<Promise<void>>();
  /** Ends the loop and all that waits. */
  readonly #stopping = new AbortController();
  #looping: Promise<void> | undefined;
  #isPoked = false;
  #rest: AbortController | undefined;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
    this.#bundling = new Bundling(deps);
    const { clock } = deps;
    const outbox = new Outbox(deps.store);
    const lanes = new Lanes(clock, 1);
    this.#credentials = new RefusedCredentials(clock);
    const outages = new VendorOutages({ ...deps, onDue: () => this.poke() });
    const shared = { ...deps, outbox, lanes, outages, credentials: this.#credentials };
    this.#failures = new Failures({ ...shared, onPutOff: () => this.poke() });
    this.#rows = new RowService({ ...shared, failures: this.#failures });
  }

  /** Begins to deliver. May be called twice. */
  start(): void {
    if (!this.#stopping.signal.aborted) this.#looping ??= this.#loop();
  }

  /** Begins nothing new; what is under way may end within `graceMs`, and is looked for by the next process if it does not. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new DOMException('the delivery stops', 'AbortError'));
    this.#rows.stop();
    await this.#looping;
    using deadline = this.#deps.clock.timeout(graceMs);
    await Promise.race([Promise.allSettled(this.#working), whenAborted(deadline.signal)]);
    this.#rows.abort();
    await Promise.allSettled(this.#working);
  }

  /** Something was told: the outbox is looked at now. */
  poke(): void {
    this.#isPoked = true;
    this.#rest?.abort();
  }

  /** The notifiers were made anew: credentials that were refused may be right now. */
  notifiersChanged(): void {
    this.#credentials.clear();
    this.poke();
  }

  /** Has a message tried again now, also one that was given up. What is told in a bundle is tried with its bundle. */
  async retryNotification(id: string): Promise<RetryAnswer> {
    const { clock } = this.#deps;
    const answer = await this.#deps.store.transact(async (tx): Promise<RetryAnswer> => {
      const [asked] = await tx.notifications([id]);
      if (asked === undefined) return 'not_found';
      const [bundle] = asked.bundleId === null ? [] : await tx.notifications([asked.bundleId]);
      const row = bundle ?? asked;
      if (row.toldVersion >= row.wanted) return 'nothing_owed';
      await tx.save({ ...NO_CHANGES, delivered: [{ ...row, isDead: false, attempts: 0, notBefore: clock.now() }] });
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
      if (!isMoreDue) return Math.min(found.nextAt ?? Infinity, this.#credentials.triedAt(now));
      if (taken > 0) return now;
      // Nothing but what has to wait in memory: what is due behind it is asked for as well.
      if (limit >= MAX_IN_HAND) return Math.min(found.nextAt ?? Infinity, this.#credentials.triedAt(now));
    }
  }

  /** Takes a row in hand. Returns whether that is new. */
  #take(due: DueNotification): boolean {
    const { id, channel, bundleId } = due.notification;
    const known = this.#inHand.get(id);
    if (known !== undefined) known.isDueAgain = true;
    const notifier = this.#deps.notifiers().get(channel);
    if (known !== undefined || bundleId !== null || notifier === undefined || this.#credentials.has(notifier.name)) return false;
    const item: InHand = { isDueAgain: false };
    this.#inHand.set(id, item);
    const work = this.#rows
      .serve(due)
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
    if (!isStore) await this.#failures.putOff(id, String(error)).catch(() => undefined);
    await this.#deps.clock.sleep(STORE_RETRY_MS, this.#stopping.signal).catch(() => undefined);
    this.poke();
  }
}
