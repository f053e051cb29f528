/** Where people are told or called. A Slack place is a channel (`#ops`, `C123`), a user (`U123`) or `@person`, `@role`. */
export interface NotifyTargets {
  readonly slack?: string;
  /** The name of a service. */
  readonly pagerduty?: string;
  /** A Slack channel for each incident. Only severities ask for one. */
  readonly ownChannel?: boolean;
}

export const PAGERDUTY_SEVERITIES = ['critical', 'error', 'warning', 'info'] as const;
export type PagerDutySeverity = (typeof PAGERDUTY_SEVERITIES)[number];

export interface EscalationRung {
  readonly afterMs: number;
  readonly unless: readonly ('acknowledged' | 'verified')[];
  readonly notify: NotifyTargets;
}

/** What a severity means for people: who is called when, and where they are told. */
export interface ResponsePlan {
  /** The rungs of the rule's policy, or else of the severity's; empty: nobody is called. */
  readonly rungs: readonly EscalationRung[];
  /** The time to acknowledge. */
  readonly responseTimeMs?: number;
  readonly updateEveryMs?: number;
  readonly notify: NotifyTargets;
  readonly pagerdutySeverity?: PagerDutySeverity;
  readonly postMortem: boolean;
  /**
   * The instant at which so many active milliseconds have passed since `from`: outside of active intervals the clock stands still. With 0,
   * the first active instant.
   */
  dueAt(from: number, afterMs: number): number;
}
