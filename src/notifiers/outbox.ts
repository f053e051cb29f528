import type { Notification } from '../domain/state.ts';
import { NO_CHANGES, type Store } from '../domain/store.ts';

/** The rows of messages, one at a time. Throws what the store throws. */
export class Outbox {
  readonly #store: Pick<Store, 'transact'>;

  constructor(store: Pick<Store, 'transact'>) {
    this.#store = store;
  }

  /** The row as it is now; `undefined` when it is gone. */
  async read(id: string): Promise<Notification | undefined> {
    const [row] = await this.#store.transact((tx) => tx.notifications([id]));
    return row;
  }

  /**
   * Changes a row as it is now: others may have asked for more meanwhile. Returns it as it is then; `undefined` when it is
   * gone, or when `change` wants nothing changed.
   */
  change(id: string, change: (now: Notification) => Notification | undefined): Promise<Notification | undefined> {
    return this.#store.transact(async (tx) => {
      const [now] = await tx.notifications([id]);
      const changed = now === undefined ? undefined : change(now);
      if (changed !== undefined) await tx.save({ ...NO_CHANGES, delivered: [changed] });
      return changed;
    });
  }
}
