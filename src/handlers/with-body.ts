import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import type { BodyBudget } from './body-budget.ts';
import { BodyError } from './body-error.ts';

export interface BodyLimits {
  /** Of one body, in bytes, decompressed. */
  readonly maxBytes: number;
  readonly budget: BodyBudget;
}

/**
 * Does the work with a request's body, decompressed. Its bytes count against the budget until the work is done.
 * Throws a `BodyError`, at the first byte too much.
 */
export async function withBody<T>(
  request: IncomingMessage,
  { maxBytes, budget }: BodyLimits,
  work: (body: Buffer) => Promise<T>,
): Promise<T> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  let taken = 0;
  const take = (bytes: number): void => {
    if (taken + bytes > maxBytes) throw tooLarge(maxBytes);
    if (!budget.take(bytes)) throw new BodyError('overloaded', 'too many bodies are being read; come again');
    taken += bytes;
  };
  try {
    return await work(await readAll(request, decoded(request), take));
  } finally {
    budget.giveBack(taken);
  }
}

function tooLarge(maxBytes: number): BodyError {
  return new BodyError('too_large', `the body is larger than ${maxBytes} bytes; set max_alerts in the webhook_config`);
}

function decoded(request: IncomingMessage): Readable {
  switch ((request.headers['content-encoding'] ?? 'identity').toLowerCase()) {
    case 'identity':
      return request;
    case 'gzip':
    case 'x-gzip':
      return request.pipe(createGunzip());
    case 'deflate':
      return request.pipe(createInflate());
    default:
      throw new BodyError('unsupported_encoding', 'content-encoding has to be gzip, deflate or identity');
  }
}

function readAll(request: IncomingMessage, stream: Readable, take: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const stop = (error: BodyError): void => {
      request.unpipe();
      request.pause();
      stream.removeAllListeners('data');
      if (stream !== request) stream.destroy();
      reject(error);
    };
    stream.on('data', (chunk: Buffer) => {
      try {
        take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        stop(error instanceof BodyError ? error : new BodyError('corrupt', 'the body cannot be read', { cause: error }));
      }
    });
    stream.once('end', () => {
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
    });
    if (stream !== request)
      stream.once('error', (cause) =>
        stop(new BodyError('corrupt', 'the body is not what its content-encoding says', { cause })),
      );
    request.once('error', (cause) => stop(new BodyError('aborted', 'the client went away', { cause })));
    request.once('close', () => {
      if (!request.complete) stop(new BodyError('aborted', 'the client went away'));
    });
  });
}
