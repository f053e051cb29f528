import { formatDuration } from '../domain/duration.ts';
import type { Run, StepRecord } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { finishStep, giveUp, startAgain } from './finish-step.ts';
import { journalOf } from './journal.ts';
import { launch, look } from './launch-step.ts';
import { locate } from './locate-step.ts';
import { tell } from './story.ts';
import type { World } from './world.ts';

/**
 * After a crash: work that was under way is started again where that is safe, looked for where it can be seen, and
 * otherwise left to a person.
 */
export function recoverStep(
  world: World,
  run: Run,
  record: StepRecord,
  downtimeMs: number,
  longestMs: number,
  context: DecisionContext,
): void {
  const { now } = context;
  const place = locate(world, run, record, context);
  if (place === undefined) return giveUp(world, run, record, context);
  const { step } = place;
  if (record.stage === 'waiting') return;
  const wasActing = record.effect !== 'read' && (record.stage === 'acting' || record.stage === 'looking');
  tell(
    world,
    run.incidentId,
    now,
    'recovered',
    `${run.target}: the daemon was gone for ${formatDuration(downtimeMs)} while step ${record.id} was under way`,
    { runId: run.id },
  );
  if (record.stage === 'foreseeing') {
    world.effects.push({ kind: 'foresee', runId: run.id, address: record.address, attempt: record.attempts });
    return;
  }
  if (!wasActing) return launch(world, run, record, step, context);
  const inDoubt = step.call.kind === 'remediation' ? step.call.remediation.inDoubt : 'ask';
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  // What `finally` puts right is to be put right whether or not the alert still fires.
  const stillFires = run.ending !== null || line === undefined || line.firing > 0;
  if (inDoubt === 'look') {
    const looking = journalOf(world, run, now).write({ ...record, stage: 'looking', wakeAt: null });
    return look(world, run, looking, step, context);
  }
  if (inDoubt === 'repeat' && downtimeMs < longestMs && stillFires) return startAgain(world, run, record, step, context);
  finishStep(
    world,
    run,
    record,
    'unknown',
    { code: 'unknown_outcome', message: 'the daemon was gone while it was under way', happened: 'unknown' },
    context,
  );
}
