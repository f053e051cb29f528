const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Reads lines and pieces of bytes from a stream of chunks; never more than the next chunk is held. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = EMPTY;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next line without its end, cut when it has more than `most` bytes; `undefined` at the end of the stream. */
  async line(most: number): Promise<string | undefined> {
    let held = EMPTY;
    for (;;) {
      const piece = await this.some();
      if (piece === undefined) return undefined;
      const end = piece.indexOf(NEWLINE);
      held = Buffer.concat([held, end === -1 ? piece : piece.subarray(0, end)]);
      if (held.length > most) return held.toString('utf8', 0, most);
      if (end === -1) continue;
      this.putBack(piece.subarray(end + 1));
      return held.toString().trim();
    }
  }

  /** The bytes that are there next, at least one; `undefined` at the end of the stream. */
  async some(): Promise<Buffer | undefined> {
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length > 0) return rest;
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      if (next.value.length > 0) return next.value;
    }
  }

  /** Gives bytes back that were read too far. */
  putBack(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest]);
  }
}
