/** How long work of one kind may keep everything else waiting. */
const TURN_MS = 3;

/**
 * Runs pieces of work in their order, at most a few milliseconds of them in one turn of the event loop: while webhooks
 * pour in, the health check and everything else gets its turn in between.
 */
export class ShortTurns {
  readonly #waiting: (() => void)[] = [];
  #endsAt = 0;
  #isScheduled = false;

  /** Resolves with what the work gave; at once when there is time left. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const piece = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.#schedule();
      if (this.#waiting.length === 0 && performance.now() < this.#endsAt) piece();
      else this.#waiting.push(piece);
    });
  }

  /** A turn begins with the first piece after the last one ended. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#endsAt = performance.now() + TURN_MS;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isScheduled = false;
    if (this.#waiting.length === 0) return;
    this.#schedule();
    do this.#waiting.shift()?.();
    while (this.#waiting.length > 0 && performance.now() < this.#endsAt);
  }
}
