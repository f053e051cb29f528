import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 25_000;
const POLL_MS = 4;
const KEPT_OUTPUT = 4_000;

/** A server in a process of its own. */
export interface ChildServer {
  readonly port: number;
  readonly pid: number;
  /** From the start of the process to its first good answer. */
  readonly readyAfterMs: number;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Processor time used so far, in milliseconds. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Starts a server and resolves once `readyPath` is answered with a status below 400, or with any when `anyStatus`. */
export async function startChild(
  command: string,
  args: readonly string[],
  options: { readonly port: number; readonly readyPath: string; readonly anyStatus?: boolean },
): Promise<ChildServer> {
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-KEPT_OUTPUT));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const stop = async (): Promise<void> => {
    const lastResort = setTimeout(kill, STOP_WITHIN_MS);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
    clearTimeout(lastResort);
    process.off('exit', kill);
  };
  const { port, readyPath, anyStatus = false } = options;
  while (!(await answers(`http://127.0.0.1:${port}${readyPath}`, anyStatus))) {
    const isLate = performance.now() - startedAt > READY_WITHIN_MS;
    if (child.exitCode !== null || isLate) {
      await stop();
      throw new Error(`${command} ${args.join(' ')} did not start: ${output.trim()}`);
    }
    await delay(POLL_MS);
  }
  const pid = child.pid ?? 0;
  return {
    port,
    pid,
    readyAfterMs: performance.now() - startedAt,
    residentBytes: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    cpuMs: () => cpuMsOf(pid),
    stop,
  };
}

async function answers(url: string, anyStatus: boolean): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return anyStatus || response.ok;
  } catch {
    return false;
  }
}

/** Linux counts in hundredths of a second; user and system time are the 14th and 15th field, after the name in brackets. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resolves when the server has no work left: what a load left behind must not slow the next one. */
export async function untilIdle(server: ChildServer, withinMs = 20_000): Promise<void> {
  const endsAt = performance.now() + withinMs;
  for (let before = server.cpuMs(); performance.now() < endsAt;) {
    await delay(200);
    const after = server.cpuMs();
    if (after - before <= 20) return;
    before = after;
  }
}
