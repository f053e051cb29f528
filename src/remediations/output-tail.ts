/** Keeps the last `limit` bytes of what is written to it, in constant memory. */
export class OutputTail {
  readonly #ring: Buffer;
  #position = 0;
  #total = 0;

  constructor(limit: number) {
    this.#ring = Buffer.alloc(limit);
  }

  append(chunk: Buffer): void {
    const limit = this.#ring.length;
    const kept = chunk.subarray(-limit);
    const untilEnd = Math.min(kept.length, limit - this.#position);
    kept.copy(this.#ring, this.#position, 0, untilEnd);
    kept.copy(this.#ring, 0, untilEnd);
    this.#position = (this.#position + kept.length) % limit;
    this.#total += chunk.length;
  }

  /** Whether bytes were dropped. */
  get isTruncated(): boolean {
    return this.#total > this.#ring.length;
  }

  /** As UTF-8; a character that was cut in two at the start is left out. */
  toString(): string {
    if (!this.isTruncated) return this.#ring.toString('utf8', 0, this.#total);
    const bytes = Buffer.concat([this.#ring.subarray(this.#position), this.#ring.subarray(0, this.#position)]);
    const start = bytes.subarray(0, 4).findIndex((byte) => (byte & 0b1100_0000) !== 0b1000_0000);
    return bytes.toString('utf8', Math.max(start, 0));
  }
}
