import { createHash, randomBytes } from 'node:crypto';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ApiOptions } from './send-request.ts';

/** The end of every handshake's key (RFC 6455, section 1.3). */
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export type Upgrade =
  | { readonly kind: 'open'; readonly socket: Duplex; readonly head: Buffer; readonly protocol: string }
  /** The server answered with something else, e.g. 403. */
  | { readonly kind: 'refused'; readonly response: IncomingMessage };

/**
 * Asks a server for a WebSocket with one of some protocols. Rejects when the connection fails or the handshake is wrong.
 * `onSent` is told once the server may have got the request.
 */
export function openWebSocket(url: URL, options: ApiOptions, protocols: readonly string[], onSent: () => void): Promise<Upgrade> {
  const key = randomBytes(16).toString('base64');
  const headers = {
    ...options.headers,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    'sec-websocket-protocol': protocols.join(', '),
  };
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const client = (isTls ? requestHttps : requestHttp)(url, { ...options, method: 'GET', headers });
    client.once('socket', (socket) => socket.once(isTls ? 'secureConnect' : 'connect', onSent));
    client.once('upgrade', (response, socket, head) => {
      const accept = createHash('sha1').update(`${key}${HANDSHAKE_GUID}`).digest('base64');
      const protocol = response.headers['sec-websocket-protocol'] ?? '';
      if (response.headers['sec-websocket-accept'] === accept && protocols.includes(protocol)) {
        resolve({ kind: 'open', socket, head, protocol });
        return;
      }
      socket.destroy();
      reject(new Error('the server opened no WebSocket of the wanted protocol'));
    });
    client.once('response', (response) => resolve({ kind: 'refused', response }));
    client.on('error', reject);
    client.once('close', () => reject(new Error('the connection was closed without an answer')));
    client.end();
  });
}
