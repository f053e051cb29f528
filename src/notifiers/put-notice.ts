import { newNotice, type Notice } from '../domain/new-notice.ts';
import { NO_CHANGES, type Store } from '../domain/store.ts';

/** Puts a notice into the outbox. A newer one takes the place of one of its topic that was not told yet. */
export async function putNotice(store: Pick<Store, 'transact'>, notice: Notice, now: number): Promise<void> {
  const fresh = newNotice(notice, now);
  await store.transact(async (tx) => {
    const [known] = await tx.notifications([fresh.id]);
    if (known === undefined) return tx.save({ ...NO_CHANGES, notifications: [fresh] });
    const { toldVersion, underWay } = known;
    return tx.save({ ...NO_CHANGES, delivered: [{ ...fresh, underWay, toldVersion: Math.min(toldVersion, known.wanted) - 1 }] });
  });
}
