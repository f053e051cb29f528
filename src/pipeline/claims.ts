import type { Run } from '../domain/state.ts';
import type { World } from './world.ts';

export function targetKey(target: string): string {
  return `target:${target}`;
}

export function touchKey(touch: string): string {
  return `touch:${touch}`;
}

/** Claims all of these keys for a run, or none: returns the run that holds one of them. */
export function claimAll(world: World, run: Run, keys: readonly string[], now: number): string | undefined {
  for (const key of keys) {
    const claim = world.claim(key);
    if (claim !== undefined && claim.runId !== run.id) return claim.runId;
  }
  for (const key of keys) {
    if (world.claim(key) === undefined) world.putClaim({ key, runId: run.id, rule: run.rule, since: now, quarantined: false });
  }
  return undefined;
}

export function releaseClaims(world: World, runId: string): void {
  for (const claim of world.claimsOf(runId)) world.releaseClaim(claim.key);
}

/** Keeps what an interrupted run had claimed from everybody until a person decides. */
export function quarantineClaims(world: World, runId: string): void {
  for (const claim of world.claimsOf(runId)) world.putClaim({ ...claim, quarantined: true });
}
