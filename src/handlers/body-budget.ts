/** How much of request bodies may be in memory at once, over all requests. */
export class BodyBudget {
  readonly #limit: number;
  #taken = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes so many bytes, or nothing when they are not there. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#limit) return false;
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
