import type { Run, StepRecord } from '../domain/state.ts';
import type { Journal } from './walk-playbook.ts';
import type { World } from './world.ts';

/** The journal of a run within a transaction. */
export function journalOf(world: World, run: Run, now: number): Journal {
  return {
    get: (address) => world.stepsOf(run.id).get(address),
    write: (entry) => {
      const known = world.stepsOf(run.id).get(entry.address);
      const record: StepRecord = { ...(known ?? emptyRecord(run, world.stepsOf(run.id).size, now)), ...entry };
      const isOver = record.state !== 'running' && record.state !== 'pending';
      const written: StepRecord =
        isOver && record.endedAt === null ? { ...record, endedAt: now, stage: null, wakeAt: null } : record;
      world.putStep(written);
      return written;
    },
  };
}

function emptyRecord(run: Run, position: number, now: number): Omit<StepRecord, 'address' | 'id' | 'uses'> {
  return {
    runId: run.id,
    position,
    effect: 'read',
    state: 'pending',
    stage: null,
    attempts: 0,
    connection: null,
    params: null,
    plan: null,
    output: null,
    error: null,
    items: null,
    item: null,
    startedAt: now,
    actingAt: null,
    endedAt: null,
    wakeAt: null,
    expectUntil: null,
  };
}
