import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { freePort } from '../free-port.ts';

export interface VendorRequest {
  readonly verb: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An object goes out as JSON, a string as it is. */
export interface VendorAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface ListenerOptions {
  /** PEM; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly handle: (request: VendorRequest) => Promise<VendorAnswer | 'cut'>;
  /** Takes over a connection that asks for another protocol. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket) => void;
}

/** A server on 127.0.0.1 that keeps its port while it is down. */
export interface VendorListener {
  readonly port: number;
  /** Ends all connections and refuses new ones. */
  readonly goDown: () => Promise<void>;
  /** Listens again on the same port. */
  readonly comeBack: () => Promise<void>;
}

/** Starts it; `goDown` is also its end. */
export async function startVendorListener(options: ListenerOptions): Promise<VendorListener> {
  const port = await freePort();
  let close = await listen(port, options);
  let isUp = true;
  return {
    port,
    goDown: async () => {
      if (!isUp) return;
      isUp = false;
      await close();
    },
    comeBack: async () => {
      if (isUp) return;
      close = await listen(port, options);
      isUp = true;
    },
  };
}

async function listen(port: number, { tls, handle, upgrade }: ListenerOptions): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(request, response, handle);
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  // A client that does not trust the certificate is the client's affair.
  server.on('tlsClientError', () => undefined);
  if (upgrade !== undefined) server.on('upgrade', upgrade);
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await once(server, 'listening');
  return async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, handle: ListenerOptions['handle']): Promise<void> {
  try {
    const outcome = await handle({
      verb: request.method ?? '',
      url: new URL(request.url ?? '/', 'http://127.0.0.1'),
      headers: request.headers,
      body: await buffer(request),
    });
    if (outcome === 'cut') {
      request.socket.destroy();
      return;
    }
    const isText = typeof outcome.body === 'string';
    response.writeHead(outcome.status, { 'content-type': isText ? 'text/plain' : 'application/json', ...outcome.headers });
    response.end(isText ? outcome.body : JSON.stringify(outcome.body));
  } catch (error) {
    // The client went away in the middle of its request, or the server itself is wrong: say the latter aloud.
    if (!request.socket.destroyed) response.writeHead(500).end(`the test server failed: ${String(error)}`);
  }
}
