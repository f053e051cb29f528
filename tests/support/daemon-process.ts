import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './servers/server-catalog.ts';
import { waitUntil } from './daemon-wait.ts';

const PROJECT = join(import.meta.dirname, '../..');
const STOP_WITHIN_MS = 30_000;

/** The script of the command line as it stands in the sources. */
export const SOURCE_MAIN = join(PROJECT, 'src/main.ts');

export interface DaemonProgram {
  /** The script that Node runs. */
  readonly main: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and standard error are added to these files. */
  readonly stdoutFile: string;
  readonly stderrFile: string;
  readonly isReady: () => Promise<boolean>;
}

/** A daemon as a process of its own. */
export interface DaemonProcess {
  readonly pid: number;
  /** Sends the signal and resolves with the exit status, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Only what a service manager would give it, and where the sources are kept compiled. */
export function plainEnvironment(more: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = '', HOME = '/', NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, LANG: 'C.UTF-8', ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }), ...more };
}

/** Starts the daemon with the Node that runs the tests, and resolves once it is ready. It dies with the tests. */
export async function startDaemonProcess(program: DaemonProgram): Promise<DaemonProcess> {
  const child = spawnDaemon(program);
  const { pid } = child;
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
    child.kill(signal);
    const lastResort = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    const status = await ended;
    clearTimeout(lastResort);
    return status;
  };
  if (pid === undefined) throw new Error(`the daemon cannot be started: ${program.main}`);
  try {
    await waitUntil(
      'the daemon is ready',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the daemon ended while it started:\n${output(program)}`);
        return (await answers(program)) ? true : undefined;
      },
      { explain: () => output(program) },
    );
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
    throw error;
  }
  return { pid, end };
}

function spawnDaemon({ main, args, env, stdoutFile, stderrFile }: DaemonProgram): ChildProcess {
  const stdout = openSync(stdoutFile, 'a');
  const stderr = openSync(stderrFile, 'a');
  try {
    const setpriv = findProgram('setpriv');
    const command = [process.execPath, main, ...args];
    const [file, ...rest] = setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command];
    return spawn(file ?? process.execPath, rest, { cwd: PROJECT, env: plainEnvironment(env), stdio: ['ignore', stdout, stderr] });
  } finally {
    closeSync(stdout);
    closeSync(stderr);
  }
}

async function answers(program: DaemonProgram): Promise<boolean> {
  try {
    return await program.isReady();
  } catch {
    return false;
  }
}

function output({ stdoutFile, stderrFile }: DaemonProgram): string {
  return [stdoutFile, stderrFile].map((file) => (existsSync(file) ? readFileSync(file, 'utf8').slice(-4_000) : '')).join('\n');
}
