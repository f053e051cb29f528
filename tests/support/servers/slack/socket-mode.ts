import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import * as z from 'zod';
import type { SlackAck } from './types.ts';
import { APP_ID } from './wire-shapes.ts';
import { acceptWebSocket, type WebSocketConnection } from './web-socket.ts';

const LINK_PATH = '/link/';
const PING_MS = 5_000;
const ACK_WITHIN_MS = 10_000;

const ackSchema = z.object({ envelope_id: z.string(), payload: z.unknown().optional() });

/** The server's side of Socket Mode: docs.slack.dev/apis/events-api/using-socket-mode. */
export interface SocketMode {
  readonly count: () => number;
  /** A path with a ticket for one connection. */
  readonly createTicket: () => string;
  readonly upgrade: (request: IncomingMessage, socket: Socket) => void;
  /** Sends an envelope over the newest connection and waits for its acknowledgement. */
  readonly deliver: (type: 'interactive' | 'slash_commands', payload: object) => Promise<SlackAck>;
  readonly refresh: () => void;
  readonly cut: () => void;
}

export function createSocketMode(onChange: () => void): SocketMode {
  const tickets = new Set<string>();
  const connections = new Set<WebSocketConnection>();
  const waiting = new Map<string, (payload: unknown) => void>();

  const onText = (text: string): void => {
    const ack = ackSchema.safeParse(JSON.parse(text));
    if (!ack.success) return;
    waiting.get(ack.data.envelope_id)?.(ack.data.payload);
  };

  return {
    count: () => connections.size,
    createTicket: () => {
      const ticket = randomUUID();
      tickets.add(ticket);
      return `${LINK_PATH}?ticket=${ticket}&app_id=${APP_ID}`;
    },
    upgrade: (request, socket) => {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      if (url.pathname !== LINK_PATH || !tickets.delete(url.searchParams.get('ticket') ?? '')) {
        socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
        return;
      }
      const connection = acceptWebSocket(request, socket, {
        onText,
        onClose: () => {
          clearInterval(pinging);
          connections.delete(connection);
          onChange();
        },
      });
      const pinging = setInterval(connection.ping, PING_MS);
      connections.add(connection);
      connection.send(
        JSON.stringify({
          type: 'hello',
          num_connections: connections.size,
          debug_info: { host: 'applink-test', approximate_connection_time: 18_060 },
          connection_info: { app_id: APP_ID },
        }),
      );
      connection.ping();
      onChange();
    },
    deliver: (type, payload) => {
      const connection = [...connections].at(-1);
      if (connection === undefined) return Promise.reject(new Error('nobody is connected over Socket Mode'));
      const envelopeId = randomUUID();
      const sentAt = performance.now();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(envelopeId);
          reject(new Error(`the ${type} envelope was not acknowledged within ${String(ACK_WITHIN_MS)} ms`));
        }, ACK_WITHIN_MS);
        waiting.set(envelopeId, (answer) => {
          clearTimeout(timer);
          waiting.delete(envelopeId);
          resolve({ payload: answer, ms: performance.now() - sentAt });
        });
        connection.send(JSON.stringify({ type, envelope_id: envelopeId, accepts_response_payload: true, payload }));
      });
    },
    refresh: () => {
      for (const connection of connections) {
        connection.send(
          JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'applink-test' } }),
        );
      }
    },
    cut: () => {
      for (const connection of connections) connection.cut();
    },
  };
}
