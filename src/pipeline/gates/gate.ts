import type { GateName } from '../../domain/reason.ts';
import type { Rule } from '../../domain/rule.ts';
import type { Incident, Run } from '../../domain/state.ts';
import type { DecisionContext } from '../decision-context.ts';
import type { World } from '../world.ts';

/** What a gate judges: a run that has not started, by the rule that is live now. */
export interface Candidate {
  readonly run: Run;
  readonly rule: Rule;
  readonly incident: Incident | undefined;
}

/**
 * `until` is when to judge again at the latest; without it something else wakes the run. `escalateAfterMs` counts from
 * the beginning of the hold.
 */
export type Verdict =
  | { readonly verdict: 'proceed'; readonly detail: string }
  | { readonly verdict: 'suppress'; readonly detail: string }
  | { readonly verdict: 'hold'; readonly detail: string; readonly until?: number; readonly escalateAfterMs?: number };

/** A check between "the rule applies" and "the first step starts". Evaluating it changes nothing. */
export interface Gate {
  readonly name: GateName;
  /** Whether a playbook that only reads has to pass it too. */
  readonly forReads: boolean;
  /** Whether `retry --override` may skip it. */
  readonly overridable: boolean;
  /** Whether a person with the rule's approval roles may let one run pass it: its hold waits for a judgement. */
  readonly approvable?: boolean;
  /** What its hold does to a scheduled run: it is skipped, or waits 10 minutes before it is. Absent: the clock passes it. */
  readonly forSchedules?: 'skip' | 'wait';
  judge(candidate: Candidate, world: World, context: DecisionContext): Verdict;
}

export const PROCEED: Verdict = { verdict: 'proceed', detail: '' };
