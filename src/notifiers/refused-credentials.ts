import type { Clock } from '../domain/clock.ts';
import type { Notifier } from '../domain/notifier.ts';

/** How long credentials that were refused are left alone. */
const LEFT_ALONE_MS = 5 * 60_000;

/** The vendors that refused our credentials a short time ago. */
export class RefusedCredentials {
  readonly #clock: Clock;
  readonly #until = new Map<Notifier['name'], number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Leaves them alone for a while. Returns whether that is new. */
  add(name: Notifier['name']): boolean {
    const isNew = !this.has(name);
    this.#until.set(name, this.#clock.now() + LEFT_ALONE_MS);
    return isNew;
  }

  has(name: Notifier['name']): boolean {
    return (this.#until.get(name) ?? -Infinity) > this.#clock.now();
  }

  /** When the first of those that were refused at `now` are tried again. */
  triedAt(now: number): number {
    return Math.min(Infinity, ...[...this.#until.values()].filter((until) => until > now));
  }

  /** They may be right now. */
  clear(): void {
    this.#until.clear();
  }
}
