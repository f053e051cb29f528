import { newNotification } from '../domain/new-notification.ts';
import type { NotificationChannel } from '../domain/state.ts';
import { NO_CHANGES, type Store } from '../domain/store.ts';

/** A text of the daemon itself, and where people should read it. */
export interface Notice {
  /** What it is about: a newer notice takes the place of one that was not told yet. */
  readonly topic: string;
  readonly channel: NotificationChannel;
  readonly place: string;
  readonly text: string;
}

/** Puts a notice into the outbox. While it waits there, only the newest of its topic is kept. */
export async function putNotice(store: Pick<Store, 'transact'>, notice: Notice, now: number): Promise<void> {
  const { topic, channel, place, text } = notice;
  const id = `notice_${topic}:${channel}:${place}`;
  const fresh = newNotification({ id, incidentId: null, channel, place, purpose: 'notice', text }, now);
  await store.transact(async (tx) => {
    const [known] = await tx.notifications([fresh.id]);
    if (known === undefined) return tx.save({ ...NO_CHANGES, notifications: [fresh] });
    const { toldVersion, underWay } = known;
    return tx.save({ ...NO_CHANGES, delivered: [{ ...fresh, underWay, toldVersion: Math.min(toldVersion, known.wanted) - 1 }] });
  });
}
