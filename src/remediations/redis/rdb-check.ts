import { createHash } from 'node:crypto';
import { StepError } from '../../domain/remediation.ts';
import { Crc64 } from './crc64.ts';

const MAGIC = /^REDIS\d{4}$/;
// Valkey's own format, since its version 9.
const VALKEY_MAGIC = /^VALKEY\d{3}$/;
const MAGIC_BYTES = 9;
const SUM_BYTES = 8;
const END_OPCODE = 0xff;
// The fields that describe the server come first, and are short.
const HEAD_BYTES = 1_024;
const CREATED_FIELD = Buffer.from('\x05ctime\xc2', 'latin1');

export interface RdbFacts {
  readonly bytes: number;
  readonly sha256: string;
  /** Whether the file carries a checksum, which was then right; a server with `rdbchecksum no` writes none. */
  readonly hasChecksum: boolean;
  /** When the server began the snapshot, by its clock; `undefined` when the file does not say. */
  readonly createdAt: number | undefined;
}

/** Checks an RDB file as its bytes come by: the first and the last of them, and its checksum. */
export class RdbCheck {
  readonly #connection: string;
  readonly #hash = createHash('sha256');
  readonly #sum = new Crc64();
  #bytes = 0;
  #head = Buffer.alloc(0);
  // The last bytes are the checksum, which does not count itself.
  #tail = Buffer.alloc(0);
  #last = 0;

  constructor(connection: string) {
    this.#connection = connection;
  }

  update(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    if (this.#head.length < HEAD_BYTES) this.#head = Buffer.concat([this.#head, chunk]).subarray(0, HEAD_BYTES);
    const joined = Buffer.concat([this.#tail, chunk]);
    const summed = joined.subarray(0, Math.max(joined.length - SUM_BYTES, 0));
    this.#tail = Buffer.from(joined.subarray(summed.length));
    this.#sum.update(summed);
    this.#last = summed.at(-1) ?? this.#last;
  }

  /** Throws `invalid_response` unless the bytes make a whole file. */
  finish(): RdbFacts {
    const magic = this.#head.toString('latin1', 0, MAGIC_BYTES);
    if (!MAGIC.test(magic) && !VALKEY_MAGIC.test(magic)) throw this.#broken('does not begin as an RDB file does');
    if (this.#tail.length < SUM_BYTES || this.#last !== END_OPCODE) throw this.#broken('does not end as an RDB file does');
    const expected = this.#tail.readBigUInt64LE();
    const hasChecksum = expected !== 0n;
    if (hasChecksum && expected !== this.#sum.digest()) throw this.#broken('has a checksum that does not match its content');
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), hasChecksum, createdAt: createdAt(this.#head) };
  }

  #broken(text: string): StepError {
    return new StepError('invalid_response', `Redis "${this.#connection}": what it sent (${this.#bytes} bytes) ${text}`, {
      happened: 'nothing',
    });
  }
}

// An integer of 32 bits, as Redis writes it until 2038: https://rdb.fnordig.de/file_format.html#integers-as-string
function createdAt(head: Buffer): number | undefined {
  const place = head.indexOf(CREATED_FIELD);
  const value = place + CREATED_FIELD.length;
  return place === -1 || head.length < value + 4 ? undefined : head.readInt32LE(value) * 1_000;
}
