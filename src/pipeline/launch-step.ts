import type { RemediationCallInput } from '../domain/remediation.ts';
import type { Step } from '../domain/rule.ts';
import type { Run, StepRecord } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { World } from './world.ts';

/** Starts (or starts again) the work of a journaled step. */
export function launch(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const call = callOf(run, record, step, context);
  if (call === undefined) return;
  const common = { runId: run.id, address: record.address, attempt: record.attempts, call };
  const kind = record.effect === 'read' ? 'read' : 'plan';
  world.effects.push({ kind, ...common });
}

/** A call never outlives the time of its run; `finally` has a step's own time. */
export function callOf(run: Run, record: StepRecord, step: Step, { now }: DecisionContext): RemediationCallInput | undefined {
  if (step.call.kind !== 'remediation') return undefined;
  const left = run.ending !== null || run.deadlineAt === null ? Infinity : Math.max(1, run.deadlineAt - now);
  return {
    remediation: step.call.remediation,
    connection: record.connection ?? undefined,
    params: record.params ?? {},
    // The address, not the id: rounds of a `for_each` are different calls.
    stepId: record.address,
    timeoutMs: Math.min(step.timeoutMs, left),
    alerts: run.frozen?.alerts.map(({ labels }) => labels) ?? [],
  };
}

export function look(world: World, run: Run, record: StepRecord, step: Step, context: DecisionContext): void {
  const call = callOf(run, record, step, context);
  if (call === undefined || record.plan === null) return;
  world.effects.push({
    kind: 'look',
    runId: run.id,
    address: record.address,
    attempt: record.attempts,
    call,
    plan: record.plan,
    actingAt: record.actingAt ?? record.startedAt,
  });
}
