import type { IntendedStep, Run, StepRecord } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, PipelineEvent } from './event.ts';
import type { World } from './world.ts';

type EventOf<K extends PipelineEvent['kind']> = Extract<PipelineEvent, { kind: K }>;

const NOTHING_WAITS: CommandAnswer = { ok: false, code: 'conflict', text: 'no run waits for an approval' };

/** The steps to come are known, as far as they can be: now people are asked. */
export function foresee(
  _world: World,
  _run: Run,
  _record: StepRecord,
  _steps: readonly IntendedStep[],
  _context: DecisionContext,
): void {}

export function approve(_world: World, _event: EventOf<'approve' | 'reject'>, _context: DecisionContext): CommandAnswer {
  return NOTHING_WAITS;
}

export function reject(_world: World, _event: EventOf<'approve' | 'reject'>, _context: DecisionContext): CommandAnswer {
  return NOTHING_WAITS;
}
