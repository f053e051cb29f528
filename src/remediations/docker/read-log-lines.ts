import { StepError } from '../../domain/remediation.ts';

const HEADER_BYTES = 8;
const NEWLINE = 0x0a;
/** A longer line is cut, so that a container cannot fill our memory with one. */
const LONGEST_LINE_BYTES = 8 * 1024;

export interface LogLine {
  readonly text: string;
  readonly isCut: boolean;
}

interface Frame {
  readonly source: number;
  readonly bytes: Buffer;
}

/**
 * The lines of a container's log. Without a terminal the engine sends both outputs over one stream, in frames with a header
 * (output, three zeros, length), which need not end where a line does.
 */
export async function* readLogLines(chunks: AsyncIterable<Buffer>, hasTty: boolean): AsyncGenerator<LogLine> {
  const lines = new Map<number, LineBuffer>();
  for await (const { source, bytes } of hasTty ? asOneSource(chunks) : splitFrames(chunks)) {
    const line = lines.get(source) ?? new LineBuffer();
    lines.set(source, line);
    yield* line.append(bytes);
  }
  for (const line of lines.values()) yield* line.finish();
}

async function* asOneSource(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  for await (const bytes of chunks) yield { source: 1, bytes };
}

async function* splitFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let header = Buffer.alloc(0);
  let source = 0;
  let left = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      if (left > 0) {
        const bytes = rest.subarray(0, left);
        left -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { source, bytes };
        continue;
      }
      const missing = HEADER_BYTES - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length === HEADER_BYTES) {
        [source, left] = readHeader(header);
        header = Buffer.alloc(0);
      }
    }
  }
}

function readHeader(header: Buffer): [source: number, length: number] {
  const source = header.readUInt8(0);
  if (source > 2 || header.readUIntBE(1, 3) !== 0) {
    throw new StepError('invalid_response', "the engine's log stream has no valid frame header", { happened: 'nothing' });
  }
  return [source, header.readUInt32BE(4)];
}

class LineBuffer {
  #parts: Buffer[] = [];
  #length = 0;

  *append(bytes: Buffer): Generator<LogLine> {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
  }

  *finish(): Generator<LogLine> {
    if (this.#length > 0) yield this.#take();
  }

  #keep(bytes: Buffer): void {
    const room = Math.max(0, LONGEST_LINE_BYTES - this.#length);
    if (room > 0 && bytes.length > 0) this.#parts.push(bytes.subarray(0, room));
    this.#length += bytes.length;
  }

  #take(): LogLine {
    const line = {
      text: Buffer.concat(this.#parts).toString('utf8').replace(/\r$/, ''),
      isCut: this.#length > LONGEST_LINE_BYTES,
    };
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}
