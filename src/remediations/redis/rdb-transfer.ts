import { StepError } from '../../domain/remediation.ts';
import type { ByteReader } from './byte-reader.ts';
import type { RedisAddress } from './redis-address.ts';
import { refusal, signInError } from './redis-error.ts';

const LONGEST_LINE = 1_024;
const MARK_BYTES = 40;

/** The two directions of a connection to a server that sends its data as it would to a replica. */
export interface ReplicationLink {
  readonly connection: string;
  readonly reader: ByteReader;
  readonly write: (bytes: Buffer) => void;
}

/** Signs in and asks for the data: https://redis.io/docs/latest/develop/reference/protocol-spec/, PSYNC and REPLCONF of replicas. */
export async function requestRdb(link: ReplicationLink, { username, password }: RedisAddress): Promise<void> {
  await signIn(link, username, password);
  // So that a server that would rather not write a file of its own need not.
  await call(link, 'REPLCONF', 'capa', 'eof');
  await askForRdbOnly(link);
  send(link, ['SYNC']);
}

/** The bytes of the file, whether their number comes first or a mark comes last. */
export async function* receiveRdb(link: ReplicationLink): AsyncGenerator<Buffer, void> {
  const announced = await readAnswer(link);
  const mark = /^\$EOF:(.*)$/.exec(announced)?.[1];
  if (mark?.length === MARK_BYTES) return yield* untilMark(link, Buffer.from(mark));
  const length = /^\$(\d{1,15})$/.exec(announced)?.[1];
  if (length === undefined) throw invalid(link, 'the answer to SYNC is not the beginning of a file');
  yield* exactly(link, Number(length));
}

async function* exactly(link: ReplicationLink, length: number): AsyncGenerator<Buffer, void> {
  let left = length;
  while (left > 0) {
    const piece = (await readSome(link)).subarray(0, left);
    left -= piece.length;
    yield piece;
  }
}

// The mark need not be the end of what is there: some versions go on with newlines (redis/redis#11296).
async function* untilMark(link: ReplicationLink, mark: Buffer): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0);
  for (;;) {
    const joined = Buffer.concat([held, await readSome(link)]);
    const end = joined.indexOf(mark);
    const certain = end === -1 ? Math.max(joined.length - mark.length + 1, 0) : end;
    if (certain > 0) yield joined.subarray(0, certain);
    if (end !== -1) return;
    held = joined.subarray(certain);
  }
}

// Servers before 6.2 do not know it; they send what changes meanwhile too, which is not read.
async function askForRdbOnly(link: ReplicationLink): Promise<void> {
  send(link, ['REPLCONF', 'rdb-only', '1']);
  const answer = await readLine(link);
  if (answer.startsWith('-') && !/unrecognized/i.test(answer)) throw refusal(answer.slice(1), link.connection, 'nothing');
}

async function signIn(link: ReplicationLink, username: string, password: string): Promise<void> {
  try {
    if (username !== '') await call(link, 'AUTH', username, password);
    else if (password !== '') await call(link, 'AUTH', password);
  } catch (error) {
    throw error instanceof StepError ? signInError(error, password) : error;
  }
}

async function call(link: ReplicationLink, ...words: string[]): Promise<void> {
  send(link, words);
  await readAnswer(link);
}

function send({ write }: ReplicationLink, words: readonly string[]): void {
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  write(Buffer.from(`*${words.length}\r\n${bulks.join('')}`));
}

async function readAnswer(link: ReplicationLink): Promise<string> {
  const line = await readLine(link);
  if (line.startsWith('-')) throw refusal(line.slice(1), link.connection, 'nothing');
  return line;
}

// Empty lines say that the server is still at work on its file.
async function readLine(link: ReplicationLink): Promise<string> {
  for (;;) {
    const line = await link.reader.line(LONGEST_LINE);
    if (line === undefined) throw lost(link);
    if (line !== '') return line;
  }
}

async function readSome(link: ReplicationLink): Promise<Buffer> {
  const piece = await link.reader.some();
  if (piece === undefined) throw lost(link);
  return piece;
}

function lost({ connection }: ReplicationLink): StepError {
  return new StepError('unavailable', `Redis "${connection}": it closed the connection before it had sent all its data`, {
    happened: 'nothing',
  });
}

function invalid({ connection }: ReplicationLink, text: string): StepError {
  return new StepError('invalid_response', `Redis "${connection}": ${text}`, { happened: 'nothing' });
}
