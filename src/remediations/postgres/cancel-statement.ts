import { connect, type Socket } from 'node:net';
import type { Client } from 'pg';
import { z } from 'zod';

const CANCEL_REQUEST_CODE = 80_877_102;
const LONGEST_WAIT_MS = 1_000;

// The client keeps what the server's BackendKeyData said, which its types do not mention.
const backendKey = z.object({ processID: z.int32(), secretKey: z.int32() });

/**
 * Cancels what the session runs and resolves when the server has taken the request, or after a second: it never rejects.
 * A CancelRequest needs no connection slot, so it also works on a full server; like libpq before version 17 it goes in the clear.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function cancelStatement(client: Client): Promise<void> {
  const key = backendKey.safeParse(client);
  if (!key.success) return Promise.resolve();
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  request.writeInt32BE(key.data.processID, 8);
  request.writeInt32BE(key.data.secretKey, 12);

  return new Promise((resolve) => {
    const socket = openSocket(client);
    const timer = setTimeout(() => socket.destroy(), LONGEST_WAIT_MS);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // The server answers with nothing but the end of the connection, once it has sent the signal; only reading sees that.
    socket.resume();
    socket.write(request);
  });
}

function openSocket(client: Client): Socket {
  return client.host.startsWith('/') ? connect(`${client.host}/.s.PGSQL.${client.port}`) : connect(client.port, client.host);
}
