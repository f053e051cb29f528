import type { Clock } from '../domain/clock.ts';
import type { News, Notifier } from '../domain/notifier.ts';
import type { Notification, NotificationChannel } from '../domain/state.ts';
import type { Store } from '../domain/store.ts';

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

/** What delivery needs of the daemon. */
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
