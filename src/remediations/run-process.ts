import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Clock } from '../domain/clock.ts';
import { StepError, type StepErrorCode } from '../domain/remediation.ts';
import { describeError } from './describe-error.ts';
import { killProcessGroup } from './kill-process-group.ts';
import { OutputTail } from './output-tail.ts';
import { createStopError } from './stop-error.ts';

const OUTPUT_LIMIT_BYTES = 64 * 1024;
/** How long after the end of the program its output is waited for: a process left in the background may hold it open for ever. */
const DRAIN_MS = 1_000;

export interface ProcessRequest {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string | undefined;
}

export interface ProcessResult {
  /** `null` when a signal ended the program. */
  readonly exitCode: number | null;
  readonly signalName: NodeJS.Signals | null;
  readonly stdout: OutputTail;
  readonly stderr: OutputTail;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Runs a program without a shell, in a process group of its own, and keeps the end of its output. When `signal` aborts,
 * the whole group is killed before this fails with `timeout` or `aborted`.
 */
export async function runProcess(request: ProcessRequest, clock: Clock, signal: AbortSignal): Promise<ProcessResult> {
  const program = request.argv[0] ?? '';
  if (signal.aborted) throw createStopError(signal, program, 'nothing');
  const child = await startProcess(program, request);
  const [stdout, stderr] = [capture(child.stdout), capture(child.stderr)];
  const closed = once(child, 'close');
  using stopped = watchAbort(signal);
  try {
    const ended = await Promise.race([once(child, 'exit'), stopped.aborted]);
    if (ended === 'aborted') {
      if (child.pid !== undefined) await killProcessGroup(child.pid, clock);
      await waitAtMost(closed, DRAIN_MS, clock);
      throw createStopError(signal, program, 'unknown');
    }
    await waitAtMost(closed, DRAIN_MS, clock);
    return { exitCode: child.exitCode, signalName: child.signalCode, stdout, stderr };
  } finally {
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

async function startProcess(program: string, request: ProcessRequest): Promise<Child> {
  try {
    const child = spawn(program, request.argv.slice(1), {
      shell: false,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: request.environment,
      cwd: request.workingDirectory,
    });
    await once(child, 'spawn');
    return child;
  } catch (error) {
    const { code, text } = describeError(error);
    throw new StepError(classifyStartFailure(code), `"${program}" cannot be started: ${text}`, {
      happened: 'nothing',
      cause: error,
    });
  }
}

function classifyStartFailure(code: string): StepErrorCode {
  if (code === 'EACCES' || code === 'EPERM') return 'permission_denied';
  return code === 'E2BIG' ? 'invalid_value' : 'unavailable';
}

function capture(stream: Readable): OutputTail {
  const tail = new OutputTail(OUTPUT_LIMIT_BYTES);
  stream.on('data', (chunk: Buffer) => tail.append(chunk));
  // What was read until then is kept.
  stream.on('error', () => undefined);
  return tail;
}

function watchAbort(signal: AbortSignal): { readonly aborted: Promise<'aborted'> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<'aborted'>();
  const onAbort = (): void => resolve('aborted');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return { aborted: promise, [Symbol.dispose]: () => signal.removeEventListener('abort', onAbort) };
}

async function waitAtMost(event: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  using limit = clock.timeout(ms);
  using late = watchAbort(limit.signal);
  await Promise.race([event, late.aborted]);
}
