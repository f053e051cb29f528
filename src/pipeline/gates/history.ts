import type { Run, RunBrief } from '../../domain/state.ts';
import type { World } from '../world.ts';

/** When other runs started to act on this run's target since then, oldest first. */
export function actingTimesOn(world: World, run: Run, since: number): number[] {
  return world
    .briefs()
    .filter((other) => other.id !== run.id && other.target === run.target)
    .map((other) => other.actingAt)
    .filter((at) => at !== null && at > since)
    .sort((a, b) => (a ?? 0) - (b ?? 0))
    .filter((at) => at !== null);
}

/** Whether a run is at work: running or verifying, or waiting for people after it has acted, and not only reading. */
export function isAtWork(run: RunBrief): boolean {
  const waitsForPeople = run.state === 'held' && run.actingAt !== null;
  return (run.state === 'running' || run.state === 'verifying' || waitsForPeople) && !run.readsOnly;
}
