import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, PipelineEvent } from './event.ts';
import type { World } from './world.ts';

export function runByHand(
  _world: World,
  _event: Extract<PipelineEvent, { kind: 'run_by_hand' }>,
  _context: DecisionContext,
): CommandAnswer {
  return { ok: false, code: 'invalid', text: 'not available in this version' };
}
