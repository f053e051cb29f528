import { once } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { StepError } from '../../domain/remediation.ts';
import { createStopError, isStopped } from '../stop-error.ts';
import { ByteReader } from './byte-reader.ts';
import type { ReplicationLink } from './rdb-transfer.ts';
import { parseRedisAddress, type RedisAddress } from './redis-address.ts';
import { connectError } from './redis-error.ts';
import type { SessionContext } from './redis-session.ts';

const LONGEST_CONNECT_MS = 10_000;

/**
 * Opens a connection of its own for a transfer, which ioredis cannot do, lends it to `use`, and closes it whatever happens, at
 * the latest when the signal aborts. Every failure of the connection is a `StepError`.
 */
export async function withReplicationLink<T>(
  context: SessionContext,
  use: (link: ReplicationLink, address: RedisAddress) => Promise<T>,
): Promise<T> {
  const { signal, connection, timeoutMs } = context;
  const stopError = (): StepError => createStopError(signal, `Redis "${connection.name}": the copy`, 'nothing');
  if (signal.aborted) throw stopError();
  const address = parseRedisAddress(connection.url, connection.name);
  const socket = openSocket(address);
  // Its failures come out where the socket is read.
  socket.on('error', () => undefined);
  // With an error, because one that is still connecting would otherwise say nothing.
  const stop = (): void => void socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    await connected(socket, address, connection.name, Math.min(timeoutMs, LONGEST_CONNECT_MS));
    const reader = new ByteReader(readChunks(socket));
    return await use({ connection: connection.name, reader, write: (bytes) => void socket.write(bytes) }, address);
  } catch (error) {
    throw isStopped(signal) ? stopError() : error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function openSocket({ host, port, tls }: RedisAddress): Socket {
  if (!tls) return connectPlain({ host, port });
  // An address cannot be asked for by name.
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

async function connected(socket: Socket, { tls }: RedisAddress, connection: string, limitMs: number): Promise<void> {
  const tooSlow = (): void => void socket.destroy(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' }));
  socket.setTimeout(limitMs, tooSlow);
  try {
    await once(socket, tls ? 'secureConnect' : 'connect');
  } catch (error) {
    throw connectError(error, connection);
  }
  socket.setTimeout(0);
  socket.off('timeout', tooSlow);
}

// A connection that breaks ends the stream: the reader knows whether it was complete.
async function* readChunks(socket: Socket): AsyncGenerator<Buffer, void> {
  const chunks: AsyncIterable<Buffer> = socket;
  try {
    yield* chunks;
  } catch {
    return;
  }
}
