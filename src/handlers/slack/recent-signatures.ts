/** Longer than a signature is of our time, whichever way the clocks differ. */
const KEPT_MS = 10 * 60_000;
/** Only genuine signatures come here; the store knows those of commands for longer. */
const MAX_KEPT = 50_000;

/** The signatures of the last ten minutes, so that a request that was overheard does nothing when it is sent again. */
export class RecentSignatures {
  /** By signature, the oldest first: until when it is kept (monotonic ms). */
  readonly #until = new Map<string, number>();

  /** Whether it is new; then it is known from now on (monotonic ms). */
  take(signature: string, now: number): boolean {
    this.#forget(now);
    if (this.#until.has(signature)) return false;
    this.#until.set(signature, now + KEPT_MS);
    return true;
  }

  #forget(now: number): void {
    for (const [signature, until] of this.#until) {
      if (until > now && this.#until.size < MAX_KEPT) return;
      this.#until.delete(signature);
    }
  }
}
