import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** What a program in a container did. */
export interface ExecOutcome {
  readonly exit: number | 'missing' | 'never';
  readonly stdout?: string;
  readonly stderr?: string;
}

const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;

/** Answers the request to run a program with the channels of `v5.channel.k8s.io` or `v4.channel.k8s.io`. */
export function answerExec(request: IncomingMessage, socket: Duplex, argv: readonly string[], outcome: ExecOutcome): void {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const protocol = PROTOCOLS.find((one) => offered.includes(one));
  const key = request.headers['sec-websocket-key'];
  if (protocol === undefined || key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const accept = createHash('sha1').update(`${key}${HANDSHAKE_GUID}`).digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${protocol}`, '', ''].join('\r\n'));
  // The real one begins with an empty message on every channel, and pings.
  for (const channel of [1, 2, 3]) socket.write(frame(BINARY, Buffer.from([channel])));
  socket.write(frame(PING, Buffer.from('ping')));
  if (outcome.exit === 'never') return;
  send(socket, 1, outcome.stdout ?? '');
  send(socket, 2, outcome.stderr ?? '');
  send(socket, 3, JSON.stringify(statusOf(argv, outcome.exit)));
  socket.end(frame(CLOSE, Buffer.from([0x03, 0xe8])));
}

function statusOf(argv: readonly string[], exit: number | 'missing'): object {
  if (exit === 0) return { metadata: {}, status: 'Success' };
  if (exit === 'missing') {
    const message = `Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "ab": OCI runtime exec failed: exec failed: unable to start container process: exec: "${argv[0] ?? ''}": executable file not found in $PATH: unknown`;
    return { metadata: {}, status: 'Failure', message, reason: 'InternalError', details: { causes: [{ message }] }, code: 500 };
  }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exit}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exit) }] },
  };
}

/** In messages of 32 KiB at most, as the real one. */
function send(socket: Duplex, channel: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += 32_768) {
    socket.write(frame(BINARY, Buffer.concat([Buffer.from([channel]), bytes.subarray(start, start + 32_768)])));
  }
}

function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size = length < 126 ? Buffer.from([length]) : Buffer.from([126, length >> 8, length & 0xff]);
  return Buffer.concat([Buffer.from([first]), size, payload]);
}
