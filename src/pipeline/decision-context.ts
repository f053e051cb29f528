import type { Rate, Rule, RuleSet } from '../domain/rule.ts';
import type { Run } from '../domain/state.ts';

/** The limits over all rules. */
export interface PipelineLimits {
  readonly storm: Rate;
  readonly maxRuns: Rate;
  readonly maxConcurrentRuns: number;
  readonly recurrenceMs: number;
  readonly settleMs: number;
  readonly staleAfterMs: number;
}

export type IdKind = 'ep' | 'inc' | 'line' | 'run';

/** What a decision may use besides the state and the event. Nothing in it waits or changes by itself. */
export interface DecisionContext {
  /** Epoch milliseconds; the same for all decisions of one transaction. */
  readonly now: number;
  readonly rules: RuleSet;
  readonly limits: PipelineLimits;
  /** The rule that a run was claimed with, also when it is no longer live. */
  readonly claimedRule: (run: Run) => Rule | undefined;
  readonly newId: (kind: IdKind) => string;
  /** An id that nobody can guess. */
  readonly newToken: () => string;
  /** Where messages live that no rule and no severity has a place for. */
  readonly defaultChannel: string | undefined;
  /** The Slack user id that is configured for a person. */
  readonly slackIdOf: (person: string) => string | undefined;
  /** 0 ≤ r < 1, for the jitter of retries. */
  readonly random: () => number;
}
