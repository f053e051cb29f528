/** The gates, in the order in which they are judged. `approval` is asked inside the run. */
export const GATES = [
  'paused',
  'observe_mode',
  'muted',
  'silenced',
  'unconfirmed',
  'cause_firing',
  'acknowledged',
  'storm',
  'breaker_open',
  'rate_limited',
  'cooldown',
  'target_busy',
  'blast_radius',
  'concurrency',
  'delay',
  'cancel_window',
  'approval',
] as const;
export type GateName = (typeof GATES)[number];

/** How a run ended. */
export const OUTCOMES = [
  'verified', // every condition held for long enough
  'completed', // the steps are done and there was nothing to verify
  'ineffective', // the steps are done and a condition stayed false
  'inconclusive', // nobody could tell whether it helped
  'failed', // a step failed for good
  'interrupted', // a step was under way and nobody can tell whether it happened
  'cancelled', // a person ended it, or an approval that was not given
  'suppressed', // a gate said no for this episode
  'self_resolved', // the alerts resolved before anything was changed
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The outcomes of a run that did what its rule is for. */
export const SUCCEEDED = ['verified', 'completed'] as const satisfies readonly Outcome[];

/**
 * The outcomes of a run that did not help, as far as anybody can tell: people have to do it, and the rule's breaker counts them.
 * `recurred` counts there too; it is a mark on a verified run.
 */
export const UNSUCCESSFUL: readonly Outcome[] = ['failed', 'ineffective', 'inconclusive', 'interrupted'];

/**
 * Why a run is held, did not act or failed; why an incident was escalated. One list for the journal, the timeline,
 * the logs, the metric label and the docs. Step errors add their own (`StepErrorCode`).
 */
export const REASONS = [
  ...GATES,
  'gate_error',
  'rule_removed',
  'alerts_resolved',
  'cancelled_by_person',
  'approval_void',
  'approval_timeout',
  'rejected',
  'nothing_to_do',
  'step_failed',
  'step_unknown',
  'run_timeout',
  'missing_value',
  'expression_error',
  'verification_failed',
  'verification_unknown',
  'still_firing',
  'finally_failed',
  'alert_joined',
  'truncated',
  'response_time',
  'escalation_policy',
  'escalated_by_person',
  'update_overdue',
  'dismissed',
  'stale',
] as const;
export type Reason = (typeof REASONS)[number];
