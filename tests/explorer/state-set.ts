/** A set of 64-bit fingerprints, given as two halves. Open addressing over typed arrays: millions of them fit. */
export class StateSet {
  #high: Uint32Array;
  #low: Uint32Array;
  #size = 0;

  constructor(capacity = 1 << 16) {
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a fingerprint; false when it is there already. */
  add(high: number, low: number): boolean {
    // Both halves zero marks an empty place.
    const first = (high === 0 && low === 0 ? 1 : high) >>> 0;
    const second = low >>> 0;
    const mask = this.#high.length - 1;
    let place = (first ^ Math.imul(second, 0x9e3779b1)) & mask;
    while (this.#high[place] !== 0 || this.#low[place] !== 0) {
      if (this.#high[place] === first && this.#low[place] === second) return false;
      place = (place + 1) & mask;
    }
    this.#high[place] = first;
    this.#low[place] = second;
    this.#size += 1;
    if (this.#size * 2 > this.#high.length) this.#grow();
    return true;
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low];
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(high.length * 2);
    this.#size = 0;
    for (const [place, first] of high.entries()) {
      const second = low[place] ?? 0;
      if (first !== 0 || second !== 0) this.add(first, second);
    }
  }
}
