/** One process that waits for a lock, and those that it waits for. */
export interface LockWait {
  readonly pid: number;
  /** For how long, in milliseconds. */
  readonly waited: number;
  /** Processes; 0 stands for a prepared transaction. */
  readonly blocked_by: readonly number[];
}

/** A process that others wait for and that waits for no lock itself. */
export interface RootBlocker {
  readonly pid: number;
  /** How long the first of those that wait for it directly has waited, in milliseconds. */
  readonly blocking_for: number;
  /** How many wait because of it, directly or behind others. */
  readonly victims: number;
}

/** The ends of the chains of waits, those first that have been waited for longest. A deadlock has none. */
export function findRootBlockers(waits: readonly LockWait[]): readonly RootBlocker[] {
  const waiting = new Set(waits.map(({ pid }) => pid));
  const direct = new Map<number, LockWait[]>();
  for (const wait of waits) {
    for (const blocker of new Set(wait.blocked_by)) {
      const victims = direct.get(blocker) ?? [];
      victims.push(wait);
      direct.set(blocker, victims);
    }
  }
  return [...direct]
    .filter(([pid]) => !waiting.has(pid))
    .map(([pid, victims]) => ({
      pid,
      blocking_for: victims.reduce((longest, { waited }) => Math.max(longest, waited), 0),
      victims: countBehind(pid, direct),
    }))
    .sort((a, b) => b.blocking_for - a.blocking_for || a.pid - b.pid);
}

function countBehind(root: number, direct: ReadonlyMap<number, readonly LockWait[]>): number {
  const behind = new Set<number>();
  // A set yields what is added to it while it is walked.
  const reached = new Set([root]);
  for (const pid of reached) {
    for (const victim of direct.get(pid) ?? []) {
      behind.add(victim.pid);
      reached.add(victim.pid);
    }
  }
  return behind.size;
}
