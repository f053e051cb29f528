import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { parseJsonOutput } from '../parse-json-output.ts';
import { quoteLine } from '../quote-line.ts';
import { refusalOf } from './api-refusal.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { openWebSocket } from './open-web-socket.ts';
import { describeResource, pathOf, RESOURCES } from './resource.ts';
import { joinPaths, prepareOptions, readText, REQUEST_TIMEOUT_MS, toStepError } from './send-request.ts';
import { decodeFrames, encodeFrame, OPCODE, type Frame } from './web-socket-frames.ts';

/** Newest first. Both give the exit status as a `Status`; v5 only adds the closing of the input. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const CHANNEL = { stdout: 1, stderr: 2, status: 3 } as const;
const MOST_OUTPUT_BYTES = 64 * 1024;
const MOST_MESSAGE_BYTES = 1024 * 1024;

const statusSchema = z.object({
  status: z.enum(['Success', 'Failure']),
  reason: z.string().default(''),
  message: z.string().default(''),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().default(''), message: z.string().default('') })).nullish() })
    .nullish(),
});

export interface ContainerCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  readonly isChange: boolean;
}

export interface CommandResult {
  /** `missing`: the container has no such program. */
  readonly exit: number | 'missing';
  readonly stdout: string;
  readonly stderr: string;
  /** Whether more was written than is kept: 64 KiB of each. */
  readonly isCut: boolean;
}

/** Runs a program in a container and waits for its end. Fails with a `StepError`; the program may outlive an abort. */
export async function runInContainer(api: KubernetesApi, command: ContainerCommand): Promise<CommandResult> {
  const { namespace, pod: name, container, argv, isChange } = command;
  const resource = { ...RESOURCES.pod, subresource: 'exec', namespace, name };
  const what = `${argv[0]} in ${describeResource(resource)}`;
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = AbortSignal.any([api.signal, limit]);
  const progress = { isSent: false };
  try {
    const url = new URL(api.server);
    url.pathname = joinPaths(api.server.pathname, pathOf(resource));
    const query = [['stdout', 'true'], ['stderr', 'true'], ['container', container], ...argv.map((word) => ['command', word])];
    url.search = new URLSearchParams(query).toString();
    const upgrade = await openWebSocket(url, await prepareOptions(api, signal, {}), PROTOCOLS, () => {
      // The server runs the program once it has opened the socket, which its answer may be too late to tell.
      progress.isSent = true;
    });
    if (upgrade.kind === 'refused') {
      const status = upgrade.response.statusCode ?? 0;
      // The request is a GET, but since Kubernetes 1.35 `create` is needed too, and then its refusal names it.
      const { text } = await readText(upgrade.response);
      const verb = text.includes('cannot create') ? 'create' : 'get';
      // What a gateway answers in the API server's place may come after the program; 500 is the server's own, and before it.
      throw refusalOf(api, { verb, resource, what, isChange: isChange && status !== 500 }, { status, text });
    }
    return await collect(upgrade.socket, upgrade.head, signal, what);
  } catch (error) {
    throw toStepError(error, api.signal, limit, what, progress.isSent && isChange ? 'unknown' : 'nothing');
  }
}

/** Reads the channels until the status came. */
async function collect(socket: Duplex, head: Buffer, signal: AbortSignal, what: string): Promise<CommandResult> {
  const outputs = { stdout: new BoundedOutput(), stderr: new BoundedOutput() };
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const message of readMessages(socket, head)) {
      // The server opens every channel with an empty message.
      if (message.length < 2) continue;
      const channel = message[0];
      if (channel === CHANNEL.stdout) outputs.stdout.add(message.subarray(1));
      else if (channel === CHANNEL.stderr) outputs.stderr.add(message.subarray(1));
      else if (channel === CHANNEL.status) {
        const exit = readExit(message.subarray(1).toString('utf8'), what);
        const isCut = outputs.stdout.isCut || outputs.stderr.isCut;
        return { exit, stdout: outputs.stdout.text(), stderr: outputs.stderr.text(), isCut };
      }
    }
    signal.throwIfAborted();
    throw new Error('the connection was closed before the exit status came');
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function* readMessages(socket: Duplex, head: Buffer): AsyncGenerator<Buffer> {
  let received = head;
  let parts: Buffer[] = [];
  let partBytes = 0;
  const take = function* (frames: readonly Frame[]): Generator<Buffer> {
    for (const { opcode, isFinal, payload } of frames) {
      if (opcode === OPCODE.ping) socket.write(encodeFrame(OPCODE.pong, payload));
      if (opcode === OPCODE.close || opcode === OPCODE.ping || opcode === OPCODE.pong) continue;
      partBytes += payload.length;
      if (partBytes > MOST_MESSAGE_BYTES) throw new Error('the API server sent a message that is too long');
      // Empty parts say nothing, and without a bound to their number they would fill our memory as well.
      if (payload.length > 0) parts.push(payload);
      if (!isFinal) continue;
      yield Buffer.concat(parts);
      parts = [];
      partBytes = 0;
    }
  };
  const first = decodeFrames(received, MOST_MESSAGE_BYTES);
  received = first.rest;
  yield* take(first.frames);
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) continue;
    const { frames, rest } = decodeFrames(Buffer.concat([received, chunk]), MOST_MESSAGE_BYTES);
    received = rest;
    yield* take(frames);
  }
}

function readExit(text: string, what: string): CommandResult['exit'] {
  const parsed = statusSchema.safeParse(parseJsonOutput(text));
  if (!parsed.success) throw new StepError('invalid_response', `${what}: the exit status is unreadable`, { happened: 'unknown' });
  const { status, reason, message, details } = parsed.data;
  if (status === 'Success') return 0;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message ?? '';
  if (reason === 'NonZeroExitCode' && /^\d+$/.test(code)) return Number(code);
  // What containerd, CRI-O and runc say when there is no such program; then nothing ran.
  if (/executable file .*not found|no such file or directory/i.test(message)) return 'missing';
  throw new StepError('rejected', `${what} could not be run: ${quoteLine(message)}`, { happened: 'nothing' });
}

/** The beginning of what a program writes. */
class BoundedOutput {
  #chunks: Buffer[] = [];
  #left = MOST_OUTPUT_BYTES;
  isCut = false;

  add(bytes: Buffer): void {
    const kept = bytes.subarray(0, this.#left);
    this.isCut ||= kept.length < bytes.length;
    this.#left -= kept.length;
    // A program that never stops must not fill our memory, be it with nothing.
    if (kept.length > 0) this.#chunks.push(kept);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
