// The polynomial of Jones, bit-reversed, as the end of an RDB file uses it: https://rdb.fnordig.de/file_format.html#crc64-checksum
const POLYNOMIAL = 0x95ac9329ac4bc9b5n;

/** A CRC-64 in two halves of 32 bits, because a BigInt for each byte would take minutes for a gigabyte. */
interface Halves {
  readonly high: number;
  readonly low: number;
}

const high = new Uint32Array(256);
const low = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let entry = BigInt(byte);
  for (let bit = 0; bit < 8; bit += 1) entry = entry & 1n ? (entry >> 1n) ^ POLYNOMIAL : entry >> 1n;
  high[byte] = Number(entry >> 32n);
  low[byte] = Number(entry & 0xffff_ffffn);
}

/** The checksum of bytes that come piece by piece. */
export class Crc64 {
  #sum: Halves = { high: 0, low: 0 };

  update(bytes: Uint8Array): void {
    let { high: upper, low: lower } = this.#sum;
    for (const byte of bytes) {
      const index = (lower ^ byte) & 0xff;
      lower = ((lower >>> 8) | (upper << 24)) ^ (low[index] ?? 0);
      upper = (upper >>> 8) ^ (high[index] ?? 0);
    }
    this.#sum = { high: upper, low: lower };
  }

  digest(): bigint {
    const { high: upper, low: lower } = this.#sum;
    return (BigInt(upper >>> 0) << 32n) | BigInt(lower >>> 0);
  }
}
