import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from './server-catalog.ts';

const READY_WITHIN_MS = 45_000;
const STOP_WITHIN_MS = 20_000;
const POLL_MS = 25;
const KEPT_OUTPUT = 8_000;

/** How to start a server program, and how to know that it answers. */
export interface ServerProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** True once the server answers. A rejection counts as "not yet". */
  readonly isReady: () => Promise<boolean>;
  /** The signal that ends it in an orderly way. SIGTERM unless given. */
  readonly stopSignal?: NodeJS.Signals;
  /** The system user to run as, where the server refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Removes what the server leaves behind. Called once it has ended, also when it did not start. */
  readonly cleanUp: () => void;
}

/** A server that runs as a process of ours. `stop` may be called twice. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** The last lines that it printed. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts a server and resolves once it answers; rejects with its last output when it ends or stays silent for 45 s. */
export async function startServerProcess(program: ServerProgram): Promise<ServerProcess> {
  const child = spawnWithParent(program);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const stop = async (): Promise<void> => {
    await stopProcess(child, program.stopSignal ?? 'SIGTERM');
    program.cleanUp();
  };
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await answers(program))) {
    if (failure !== undefined || hasEnded(child) || performance.now() > deadline) {
      await stop();
      throw new Error(`${program.name} did not start: ${failure?.message ?? output.trim()}`, { cause: failure });
    }
    await delay(POLL_MS);
  }
  if (child.pid === undefined || hasEnded(child)) {
    await stop();
    throw new Error(`${program.name} ended while it started, and something else answers in its place: ${output.trim()}`);
  }
  return { pid: child.pid, output: () => output, stop, [Symbol.asyncDispose]: stop };
}

/** The server dies with the test process, even when that is killed: the kernel sees to it where `setpriv` can ask for it. */
function spawnWithParent({ command, args, user, stopSignal = 'SIGTERM' }: ServerProgram): ChildProcess {
  const setpriv = findProgram('setpriv');
  const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
  if (setpriv === undefined) {
    return spawn(command, args, { ...options, ...user });
  }
  const identity = user === undefined ? [] : [`--reuid=${String(user.uid)}`, `--regid=${String(user.gid)}`, '--clear-groups'];
  return spawn(setpriv, ['--pdeathsig', stopSignal.replace('SIG', ''), ...identity, '--', command, ...args], options);
}

async function answers(program: ServerProgram): Promise<boolean> {
  try {
    return await program.isReady();
  } catch {
    return false;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) {
    return;
  }
  const ended = once(child, 'exit');
  child.kill(signal);
  const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(lastResort);
}
