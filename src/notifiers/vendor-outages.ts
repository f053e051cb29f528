import type { Clock } from '../domain/clock.ts';
import type { Notifier } from '../domain/notifier.ts';
import { NO_CHANGES, type Store } from '../domain/store.ts';

interface Deps {
  readonly store: Pick<Store, 'transact'>;
  readonly clock: Clock;
  /** Rows are due that were not before. */
  readonly onDue: () => void;
}

/** So seldom a vendor's rows are woken: one that takes some messages and fails at others is not asked all the time. */
const WAKE_GAP_MS = 60_000;
/** How many rows one transaction wakes. */
const BATCH = 250;

/**
 * Knows which rows wait because their vendor failed, and has them tried at once when it takes something again. It is
 * forgotten with the process: then they wait for their backoff.
 */
export class VendorOutages {
  readonly #deps: Deps;
  readonly #waiting = new Map<Notifier['name'], Set<string>>();
  readonly #wokenAt = new Map<Notifier['name'], number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The row waits for nothing but that the vendor is well again. */
  failed(name: Notifier['name'], id: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) this.#waiting.set(name, new Set([id]));
    else waiting.add(id);
  }

  /** The row waits for something else, or for nothing. */
  leave(name: Notifier['name'], id: string): void {
    this.#waiting.get(name)?.delete(id);
  }

  /** The vendor took a message: those that wait for it are due. Throws what the store throws. */
  async recovered(name: Notifier['name']): Promise<void> {
    const { clock, onDue } = this.#deps;
    const ids = [...(this.#waiting.get(name) ?? [])];
    const now = clock.now();
    if (ids.length === 0 || now - (this.#wokenAt.get(name) ?? -Infinity) < WAKE_GAP_MS) return;
    this.#wokenAt.set(name, now);
    this.#waiting.delete(name);
    for (let from = 0; from < ids.length; from += BATCH) await this.#wake(ids.slice(from, from + BATCH), now);
    onDue();
  }

  #wake(ids: readonly string[], now: number): Promise<void> {
    return this.#deps.store.transact(async (tx) => {
      const delivered = (await tx.notifications(ids)).filter((row) => row.notBefore > now && !row.isDead);
      if (delivered.length > 0) await tx.save({ ...NO_CHANGES, delivered: delivered.map((row) => ({ ...row, notBefore: now })) });
    });
  }
}
