import { randomBytes } from 'node:crypto';

// RFC 6455, section 5.2, the client's side: what we send is masked, what we get is not.
const FINAL = 0x80;
const MASKED = 0x80;

export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
}

/** The whole frames at the beginning of `bytes`, and what is left; throws on a frame larger than `mostBytes`. */
export function decodeFrames(bytes: Buffer, mostBytes: number): { readonly frames: readonly Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let rest = bytes;
  for (let found = decodeFrame(rest, mostBytes); found !== undefined; found = decodeFrame(rest, mostBytes)) {
    frames.push(found.frame);
    rest = rest.subarray(found.length);
  }
  return { frames, rest };
}

function decodeFrame(bytes: Buffer, mostBytes: number): { readonly frame: Frame; readonly length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  if ((second & MASKED) !== 0) throw new Error('a server must not mask its frames');
  const start = second === 126 ? 4 : second === 127 ? 10 : 2;
  if (bytes.length < start) return undefined;
  const size = start === 4 ? bytes.readUInt16BE(2) : start === 10 ? Number(bytes.readBigUInt64BE(2)) : second;
  if (size > mostBytes) throw new Error(`a frame has ${size} bytes`);
  if (bytes.length < start + size) return undefined;
  const payload = bytes.subarray(start, start + size);
  return { frame: { opcode: first & 0x0f, isFinal: (first & FINAL) !== 0, payload }, length: start + size };
}

/** A frame with at most 125 bytes: pongs and the goodbye are all that we send. */
export function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const short = payload.subarray(0, 125);
  const mask = randomBytes(4);
  const masked = short.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([FINAL | opcode, MASKED | short.length]), mask, masked]);
}
