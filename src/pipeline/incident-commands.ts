import type { DecisionContext } from './decision-context.ts';
import type { CommandAnswer, PipelineEvent } from './event.ts';
import type { World } from './world.ts';

type EventOf<K extends PipelineEvent['kind']> = Extract<PipelineEvent, { kind: K }>;

const LATER: CommandAnswer = { ok: false, code: 'invalid', text: 'not available in this version' };

export function escalateByHand(_world: World, _event: EventOf<'escalate'>, _context: DecisionContext): CommandAnswer {
  return LATER;
}

export function note(_world: World, _event: EventOf<'note'>, _context: DecisionContext): CommandAnswer {
  return LATER;
}

export function set(_world: World, _event: EventOf<'set'>, _context: DecisionContext): CommandAnswer {
  return LATER;
}

/** A message that nobody got is part of the story; where only its place was wrong, it goes to the default channel. */
export function giveUpNotification(_world: World, _event: EventOf<'undeliverable'>, _context: DecisionContext): void {}
