import type { Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { giveUp, startAgain } from './finish-step.ts';
import { look } from './launch-step.ts';
import { locate } from './locate-step.ts';
import { advance, stopWaiting } from './run-playbook.ts';
import type { World } from './world.ts';

/** Time has passed for a running run: a step that waits starts again, or the run's time is up. */
export function wakeRunning(world: World, given: Run, context: DecisionContext): void {
  const { now } = context;
  const records = [...world.stepsOf(given.id).values()].filter((record) => record.state === 'running');
  const waiting = records.find((record) => record.wakeAt !== null && record.wakeAt <= now);
  // A person's word may wake it before a step that waits is due; that step must still be woken then.
  const nextAt = Math.min(...records.flatMap(({ wakeAt }) => (wakeAt === null || wakeAt <= now ? [] : [wakeAt])));
  const run = world.putRun({ ...given, wakeAt: nextAt === Infinity ? null : nextAt });
  if (waiting === undefined) return advance(world, run, context);
  const place = locate(world, run, waiting, context);
  if (place === undefined) return giveUp(world, run, waiting, context);
  if (waiting.stage === 'looking') {
    world.putStep({ ...waiting, wakeAt: null });
    world.putRun({ ...run, wakeAt: null });
    return look(world, run, waiting, place.step, context);
  }
  if (run.ending === null && stopWaiting(world, run, waiting, context)) return;
  startAgain(world, run, waiting, place.step, context);
}
