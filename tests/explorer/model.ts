import type { Labels } from '../../src/domain/alert.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import type { Rule, RuleSet } from '../../src/domain/rule.ts';
import type { PipelineLimits } from '../../src/pipeline/decision-context.ts';
import type { PipelineEffect } from '../../src/pipeline/event.ts';
import type { MemoryState } from '../support/memory-world.ts';

/** How often each kind of thing may happen in one history. What is not named never happens. */
export const BUDGETS = [
  'fire',
  'late_firing',
  'late_resolved',
  'resolve',
  'reconcile',
  'crash',
  'long_crash',
  'acknowledge',
  'cancel',
  'retry',
  'dismiss',
  'pause',
  'rules',
  'rearm',
  'approve',
  'reject',
] as const;
export type Budget = (typeof BUDGETS)[number];

/** What the outside may answer. */
export const ANSWERS = [
  'read ok',
  'read fails',
  'plan ok',
  'plan differs',
  'plan finds nothing',
  'plan fails',
  'act ok',
  'act fails before',
  'act in doubt',
  'foreseen',
  'look done',
  'look not done',
  'look unknown',
  'look later',
  'check true',
  'check false',
  'check fails',
] as const;
export type Answer = (typeof ANSWERS)[number];

export interface ScenarioAlert {
  readonly labels: Labels;
  readonly alertKey: string;
}

/** A small world, and everything that may happen in it. */
export interface Scenario {
  readonly name: string;
  readonly alerts: readonly ScenarioAlert[];
  /** What is live: the first at the start; `rules` in the budget goes on to the next. */
  readonly ruleSets: readonly RuleSet[];
  readonly snapshots: ReadonlyMap<string, Rule>;
  readonly limits: PipelineLimits;
  readonly budgets: Readonly<Partial<Record<Budget, number>>>;
  readonly answers: ReadonlySet<Answer>;
  /** What the plan of a remediation touches. */
  touches(remediation: string, target: string): readonly string[];
  /** How many states are looked at in the order of their distance. */
  readonly nearStates: number;
  /** How many more are looked at by walking far, at random. */
  readonly farStates: number;
}

/** Work that was started and has not answered. */
export interface Outstanding {
  readonly effect: PipelineEffect;
  /** It answers by then: the executor gives it no more time. */
  readonly until: number;
}

/** What the laws need to remember of the history, beyond the rows. Sorted lists, so that equal memories are equal. */
export interface Memory {
  /** Lines whose incident was escalated in the episode that is under way. */
  readonly told: readonly string[];
  /** `RUN ADDRESS` of changes that may have happened: started, and not proven to be undone. */
  readonly mayHaveHappened: readonly string[];
  /** `LINE EPISODE` and the run that acted for it without a person's retry. */
  readonly acted: readonly (readonly [string, string])[];
  /** Who has allowed what, as the person was shown it, until somebody or something takes it back. */
  readonly allowed: readonly Allowed[];
}

/** A person's word for one change. */
export interface Allowed {
  readonly runId: string;
  readonly address: string;
  readonly identity: string;
  readonly person: string;
  readonly askedAt: number;
}

/** The people who answer questions; whether each has a role that may. */
export const PEOPLE: ReadonlyMap<string, boolean> = new Map([
  ['bob', true],
  ['carol', true],
  ['eve', false],
]);

/** A state of the whole: rows on disk, work under way, what may still happen. */
export interface Node {
  readonly now: number;
  readonly rows: MemoryState;
  readonly rules: number;
  readonly outstanding: readonly Outstanding[];
  /** How much of each budget is left, in the order of `BUDGETS`. */
  readonly left: readonly number[];
  readonly memory: Memory;
}

/** One thing that happened. */
export interface Step {
  readonly name: string;
  readonly node: Node;
  readonly effects: readonly PipelineEffect[];
  /** Only time passed, or a timer fired: nothing came from outside. */
  readonly isWake: boolean;
}

/** A plan that names what it touches, and how much there is to do. */
export function planFor(touches: readonly string[], amount: number, identity: Plan['identity'] = {}): Plan {
  return { summary: 'change it', identity, touches, count: amount, data: null };
}
