import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

// RFC 6455, without extensions: section 1.3 for the handshake, 5.2 for the frames.
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE = { continuation: 0x0, text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FINAL = 0x80;

/** The server's side of one connection: text messages both ways; pings and the goodbye are answered by themselves. */
export interface WebSocketConnection {
  readonly send: (text: string) => void;
  readonly ping: () => void;
  /** Cuts the connection without a goodbye. */
  readonly cut: () => void;
}

export interface WebSocketHandlers {
  readonly onText: (text: string) => void;
  readonly onClose: () => void;
}

/** Accepts a request to upgrade. */
export function acceptWebSocket(request: IncomingMessage, socket: Socket, handlers: WebSocketHandlers): WebSocketConnection {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}${HANDSHAKE_GUID}`).digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));

  const write = (opcode: number, payload: Buffer): void => {
    if (socket.writable) socket.write(encodeFrame(opcode, payload));
  };
  let received = Buffer.alloc(0);
  let fragments: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let frame = decodeFrame(received); frame !== undefined; frame = decodeFrame(received)) {
      received = received.subarray(frame.length);
      onFrame(frame);
    }
  });
  socket.on('close', handlers.onClose);

  const onFrame = ({ opcode, isFinal, payload }: Frame): void => {
    switch (opcode) {
      case OPCODE.ping:
        write(OPCODE.pong, payload);
        return;
      case OPCODE.close:
        write(OPCODE.close, payload);
        socket.end();
        return;
      case OPCODE.text:
      case OPCODE.continuation:
        fragments.push(payload);
        if (!isFinal) return;
        handlers.onText(Buffer.concat(fragments).toString('utf8'));
        fragments = [];
        return;
      default:
    }
  };

  return {
    send: (text) => {
      write(OPCODE.text, Buffer.from(text));
    },
    ping: () => {
      write(OPCODE.ping, Buffer.from('ping'));
    },
    cut: () => {
      socket.destroy();
    },
  };
}

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
  /** Of the whole frame, in bytes. */
  readonly length: number;
}

/** The first frame of a client, which are all masked; `undefined` while it is not there in full. */
function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const shortLength = bytes.readUInt8(1) & 0x7f;
  const extended = shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0;
  const maskStart = 2 + extended;
  if (bytes.length < maskStart + 4) return undefined;
  const size = extended === 0 ? shortLength : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const start = maskStart + 4;
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(maskStart, start);
  const payload = bytes.subarray(start, start + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: first & 0x0f, isFinal: (first & FINAL) !== 0, payload: Buffer.from(payload), length: start + size };
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([FINAL | opcode]), encodeLength(payload.length), payload]);
}

function encodeLength(length: number): Buffer {
  if (length < 126) return Buffer.from([length]);
  if (length <= 0xffff) return Buffer.from([126, length >> 8, length & 0xff]);
  const long = Buffer.alloc(9);
  long.writeUInt8(127);
  long.writeBigUInt64BE(BigInt(length), 1);
  return long;
}
