import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** How long an unread body is discarded before its connection ends, so that the client sees the answer first. */
const LINGER_MS = 1_000;

/** Answers with JSON. Does nothing when the client is gone. */
export function sendJson(response: ServerResponse, status: number, body: object, headers: OutgoingHttpHeaders = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.end(writeJsonHead(response, status, body, headers));
}

/** Answers before the body was read, and ends the connection once the client can have seen that. */
export function refuseUnread(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent || response.destroyed) return;
  if (request.complete) {
    sendJson(response, status, body, headers);
    return;
  }
  // The answer is whole when it is written, but the connection lives on for a moment in which the rest of the body is
  // discarded: closed over unread bytes it would be reset, and a client that still sends would miss the answer.
  response.write(writeJsonHead(response, status, body, { ...headers, Connection: 'close' }));
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end).once('close', end).resume();
}

function writeJsonHead(response: ServerResponse, status: number, body: object, headers: OutgoingHttpHeaders): string {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  return text;
}
