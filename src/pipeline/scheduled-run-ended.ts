import type { Run, SkipReason } from '../domain/state.ts';
import { SKIP_REASONS } from '../domain/state.ts';
import { skipTick } from './take-ticks.ts';
import type { World } from './world.ts';

/** A scheduled run has ended: counts it, or its skip, and leaves word of it. */
export function scheduledRunEnded(world: World, run: Run): void {
  if (run.trigger !== 'schedule' || run.outcome === null) return;
  const known = world.schedule(run.rule);
  const isNewest = known?.liveRunId === run.id;
  if (known !== undefined && isNewest) world.putSchedule({ ...known, liveRunId: null });
  const reason = run.outcome === 'suppressed' ? skipReasonOf(run) : undefined;
  if (reason !== undefined) {
    const detail = run.verdicts.find(({ gate }) => gate === run.reason)?.detail ?? '';
    return skipTick(world, run.rule, { reason, detail, count: 1, dueAt: run.delayFrom, runId: run.id });
  }
  const current = world.schedule(run.rule);
  if (current !== undefined)
    world.putSchedule({ ...current, lastRunId: run.id, lastRunAt: run.delayFrom, lastOutcome: run.outcome });
  world.signals.push({ kind: 'scheduled_run', rule: run.rule, outcome: run.outcome, runId: run.id });
}

function skipReasonOf({ reason }: Run): SkipReason | undefined {
  return SKIP_REASONS.find((known) => known === reason);
}
