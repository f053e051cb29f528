import { NotifyError } from '../domain/notifier.ts';
import type { Notification } from '../domain/state.ts';
import { backoffMs } from './backoff.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import type { Lanes } from './lanes.ts';
import type { Outbox } from './outbox.ts';
import { laneOf, type PlannedOperation } from './planned-operation.ts';
import type { RefusedCredentials } from './refused-credentials.ts';
import type { VendorOutages } from './vendor-outages.ts';

interface Deps extends Pick<DeliveryDeps, 'store' | 'clock' | 'report' | 'onFault' | 'log'> {
  readonly outbox: Outbox;
  readonly lanes: Lanes;
  readonly credentials: RefusedCredentials;
  readonly outages: VendorOutages;
  /** A row waits for another time than before. */
  readonly onPutOff: () => void;
}

/** Whether another attempt would be refused as well. */
export function isForGood({ code }: NotifyError): boolean {
  return code === 'refused' || code === 'unreachable_place';
}

/** What an error means for a row: it waits, or it is given up. */
export class Failures {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Writes down what follows from the failure of an operation. */
  async take(plan: PlannedOperation, cause: unknown): Promise<void> {
    const { row, notifier, operation, news } = plan;
    const { log, clock, lanes, credentials, outages, onFault } = this.#deps;
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
    outages.leave(notifier.name, row.id);
    if (isForGood(error)) {
      log.error(fields, 'a message was given up; see: remedyd notifications list');
      await this.#giveUp(row, error);
    } else if (error.code === 'unauthorized') {
      if (credentials.add(notifier.name))
        log.error(fields, `the credentials of ${notifier.name} are refused; it is tried again in 5 min`);
      // The row itself waits for nothing but the credentials, which may be repaired at any time.
      await this.putOff(row.id, error.message, { forget, notBefore: clock.now() });
    } else if (error.code === 'limited') {
      const waitMs = error.retryAfterMs ?? backoffMs(row.attempts + 1);
      lanes.block(laneOf(plan), waitMs);
      await this.putOff(row.id, error.message, { forget, notBefore: clock.now() + waitMs });
    } else {
      log.warn(fields, 'a message was not taken; it is tried again');
      await this.putOff(row.id, error.message, { forget });
      outages.failed(notifier.name, row.id);
    }
  }

  /** Has a row wait until `notBefore`, or for its backoff. `forget`: what was under way is not looked for. */
  async putOff(
    id: string,
    lastError: string,
    { forget = false, notBefore }: { readonly forget?: boolean; readonly notBefore?: number } = {},
  ): Promise<void> {
    const { outbox, clock, onPutOff } = this.#deps;
    const after = await outbox.change(id, (now) => ({
      ...now,
      underWay: forget ? null : now.underWay,
      attempts: now.attempts + 1,
      notBefore: notBefore ?? clock.now() + backoffMs(now.attempts + 1),
      lastError,
    }));
    if (after !== undefined) onPutOff();
  }

  /** The story hears of it before the row is dead: after a crash between the two it is only told once more. */
  async #giveUp(row: Notification, error: NotifyError): Promise<void> {
    const { store, outbox, report } = this.#deps;
    const silenced = row.purpose === 'bundle' ? (await store.bundle(row.id)).notifications : [row];
    await Promise.all(
      silenced.map(async ({ id, incidentId, place }) => {
        if (incidentId === null) return;
        const isPlaceAtFault = error.code === 'unreachable_place';
        await report({ kind: 'undeliverable', notificationId: id, incidentId, place, error: error.message, isPlaceAtFault });
      }),
    );
    await outbox.change(row.id, (now) => ({
      ...now,
      underWay: null,
      attempts: now.attempts + 1,
      lastError: error.message,
      isDead: true,
    }));
  }
}
