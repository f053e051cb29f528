import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

export interface Body {
  readonly bytes: Buffer;
  /** Whether there was more, which was not read. */
  readonly isTruncated: boolean;
}

/** Reads at most `maxBytes` of an answer and closes its connection. Compressed answers are decoded first, never further than that. */
export async function readBody(response: IncomingMessage, maxBytes: number, isBodiless: boolean): Promise<Body> {
  const chunks: Buffer[] = [];
  let room = maxBytes;
  try {
    for await (const chunk of isBodiless ? response : decode(response)) {
      if (!Buffer.isBuffer(chunk)) continue;
      chunks.push(chunk.subarray(0, room));
      if (chunk.length > room) return { bytes: Buffer.concat(chunks), isTruncated: true };
      room -= chunk.length;
    }
    return { bytes: Buffer.concat(chunks), isTruncated: false };
  } finally {
    response.destroy();
  }
}

/** We ask for `identity`; some servers compress all the same. */
function decode(response: IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  // Errors reach the reader through the decoder, so the callback has nothing to do.
  const through = (decoder: ReturnType<typeof createGunzip>): Readable => pipeline(response, decoder, () => undefined);
  switch (encoding) {
    case '':
    case 'identity':
      return response;
    case 'gzip':
    case 'x-gzip':
      return through(createGunzip());
    case 'deflate':
      return through(createInflate());
    case 'br':
      return through(createBrotliDecompress());
    default:
      throw new StepError('invalid_response', `the answer has the unknown content encoding "${quoteLine(encoding)}"`, {
        happened: 'unknown',
      });
  }
}
