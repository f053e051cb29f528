import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { DemoError } from './demo-error.ts';

const STOP_WITHIN_MS = 5_000;
const KEPT_OUTPUT = 2_000;

export interface ChildOptions {
  readonly cwd?: string;
  /** The system user, where a server refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The signal that ends it in an orderly way; SIGTERM unless given. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface RunningChildOptions extends ChildOptions {
  /** Gets each line of its standard output. */
  readonly onLine?: (line: string) => void;
}

/** A program that runs beside the demo until the stack is disposed of. */
export interface RunningChild {
  readonly isGone: () => boolean;
  /** The last that it wrote to its outputs. */
  readonly output: () => string;
  /** Writes to its standard input. */
  readonly write: (text: string) => void;
  readonly stop: () => Promise<void>;
}

export function startChild(
  command: string,
  args: readonly string[],
  cleanUp: AsyncDisposableStack,
  options: RunningChildOptions = {},
): RunningChild {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-KEPT_OUTPUT));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  if (options.onLine !== undefined) createInterface({ input: child.stdout }).on('line', options.onLine);
  child.on('error', (error) => keep(Buffer.from(error.message)));
  // Whoever reads may be gone before what is written.
  child.stdin.on('error', () => undefined);
  const stop = (): Promise<void> => stopChild(child, options.stopSignal ?? 'SIGTERM');
  cleanUp.defer(stop);
  return { isGone: () => hasEnded(child), output: () => output, write: (text) => void child.stdin.write(text), stop };
}

/** Runs a program to its end and returns what it printed; rejects with a `DemoError` when it fails. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly input?: string } = {},
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  });
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  await once(child, 'close');
  if (child.exitCode !== 0) throw new DemoError(`${command} failed: ${Buffer.concat(errors).toString().trim().slice(-500)}`);
  return Buffer.concat(chunks).toString();
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(lastResort);
}
