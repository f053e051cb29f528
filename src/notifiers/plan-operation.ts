import type { Notifier } from '../domain/notifier.ts';
import type { Notification } from '../domain/state.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import type { Outbox } from './outbox.ts';
import { begunOperation, type PlannedOperation } from './planned-operation.ts';
import type { RefusedCredentials } from './refused-credentials.ts';
import { toldVersionAfter } from './told-version.ts';

interface Deps extends Pick<DeliveryDeps, 'clock' | 'notifiers' | 'newsOf'> {
  readonly outbox: Outbox;
  readonly credentials: RefusedCredentials;
}

/** The next operation of a row; `undefined` when there is none now, also because nothing is owed any more. */
export async function planOperation(id: string, deps: Deps): Promise<PlannedOperation | undefined> {
  const { outbox, notifiers, newsOf } = deps;
  for (;;) {
    const row = await outbox.read(id);
    const notifier = row === undefined ? undefined : notifiers().get(row.channel);
    if (row === undefined || notifier === undefined || !isDue(row, notifier, deps)) return undefined;
    const begun = begunOperation(row, notifier);
    if (begun !== undefined) return { row, notifier, operation: begun };
    const news = await newsOf(row);
    const operation = news === undefined ? undefined : notifier.next(news, row);
    if (news !== undefined && operation !== undefined) return { row, notifier, operation, news };
    const settled = { underWay: null, attempts: 0, lastError: null };
    const after = await outbox.change(id, (now) => ({ ...now, ...settled, toldVersion: toldVersionAfter(row, now) }));
    if (after === undefined || after.toldVersion >= after.wanted) return undefined;
  }
}

function isDue(row: Notification, { name }: Notifier, { clock, credentials }: Deps): boolean {
  const isOwed = row.toldVersion < row.wanted && !row.isDead && row.bundleId === null;
  return isOwed && row.notBefore <= clock.now() && !credentials.has(name);
}
