import { formatDuration } from '../../domain/duration.ts';
import type { Rule } from '../../domain/rule.ts';
import type { Run } from '../../domain/state.ts';
import type { Candidate, Gate, Verdict } from './gate.ts';
import { PROCEED } from './gate.ts';
import { isAtWork } from './history.ts';
import type { World } from '../world.ts';

const ESCALATE_AFTER_MS = 30 * 60_000;

/** Holds when the rule works on as many targets at once, or on as many distinct ones per window, as it may. */
export const blastRadius: Gate = {
  name: 'blast_radius',
  forReads: false,
  overridable: true,
  judge(candidate, world, { now }) {
    return atOnce(candidate, world) ?? perWindow(candidate, world, now) ?? PROCEED;
  },
};

function atOnce({ run, rule }: Candidate, world: World): Verdict | undefined {
  const limit = rule.safety.maxTargets.atOnce;
  if (limit === undefined) return undefined;
  const targets = new Set(
    others(run.id, rule.name, world)
      .filter(isAtWork)
      .map((other) => other.target),
  );
  targets.delete(run.target);
  if (targets.size < limit) return undefined;
  return {
    verdict: 'hold',
    detail: `the rule works on ${targets.size} other targets (limit ${limit} at once)`,
    escalateAfterMs: ESCALATE_AFTER_MS,
  };
}

/**
 * Whether so many other targets of the rule are changed already that a run which waited for people has to wait for them:
 * while it did, it took no slot, and others may have begun.
 */
export function isCrowded(run: Run, rule: Rule, world: World): boolean {
  const limit = rule.safety.maxTargets.atOnce;
  if (limit === undefined || run.actingAt !== null) return false;
  const changed = others(run.id, rule.name, world).filter((other) => isAtWork(other) && other.actingAt !== null);
  return new Set(changed.map(({ target }) => target)).size >= limit;
}

function perWindow({ run, rule }: Candidate, world: World, now: number): Verdict | undefined {
  for (const rate of rule.safety.maxTargets.windows) {
    const newest = new Map<string, number>();
    for (const other of others(run.id, rule.name, world)) {
      // A run at work counts although it has not acted yet: it may at any moment.
      const at = other.actingAt ?? (isAtWork(other) ? now : null);
      if (at === null || at <= now - rate.windowMs || other.target === run.target) continue;
      newest.set(other.target, Math.max(at, newest.get(other.target) ?? 0));
    }
    if (newest.size < rate.count) continue;
    const times = [...newest.values()].sort((a, b) => a - b);
    const until = (times[times.length - rate.count] ?? now) + rate.windowMs;
    const detail = `the rule acted on ${newest.size} other targets in ${formatDuration(rate.windowMs)} (limit ${rate.count})`;
    return { verdict: 'hold', detail, until, escalateAfterMs: ESCALATE_AFTER_MS };
  }
  return undefined;
}

function others(runId: string, rule: string, world: World) {
  return world.briefs().filter((other) => other.id !== runId && other.rule === rule && !other.readsOnly);
}
