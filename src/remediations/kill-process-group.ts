import type { Clock } from '../domain/clock.ts';
import { describeError } from './describe-error.ts';

const GRACE_MS = 2_000;
const POLL_MS = 20;

/** Ends every process of a group: asks with SIGTERM, and after two seconds does not ask any more. */
export async function killProcessGroup(groupId: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + GRACE_MS;
  let isAlive = signalGroup(groupId, 'SIGTERM');
  while (isAlive && clock.monotonic() < deadline) {
    await clock.sleep(POLL_MS);
    isAlive = signalGroup(groupId, 0);
  }
  if (isAlive) signalGroup(groupId, 'SIGKILL');
}

/** Whether the group still has a process. One that may not be signalled counts as alive. */
function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-groupId, signal);
  } catch (error) {
    return describeError(error).code !== 'ESRCH';
  }
}
