import type { GateName, Outcome, Reason } from '../../src/domain/reason.ts';
import type { StepErrorCode } from '../../src/domain/remediation.ts';

/** What a word means, and what a person can do about it. */
export interface Meaning {
  readonly means: string;
  readonly todo: string;
}

// A word without a meaning does not compile, nor does a meaning without its word.

/** How runs end. */
export const OUTCOME_MEANINGS: Readonly<Record<Outcome, Meaning>> = {
  verified: { means: 'Every condition of `verify` held for `stable_for` before the deadline.', todo: 'Nothing.' },
  completed: {
    means: 'The steps are done and there was nothing to verify, or nothing to change.',
    todo: 'With `nothing_to_do`: look; the alert has another cause.',
  },
  ineffective: {
    means: 'The steps are done, and a condition stayed false until the deadline.',
    todo: 'Repair it by hand. Counts in the breaker.',
  },
  inconclusive: {
    means: 'The steps are done, and nobody could tell whether it helped.',
    todo: 'Look whether the check can reach its target. Counts in the breaker.',
  },
  failed: {
    means: 'A step failed for good, or the time of the run was up.',
    todo: 'Look at the step that failed. Counts in the breaker.',
  },
  interrupted: {
    means: 'A change was under way, and nobody can tell whether it happened. Target and touches are in quarantine.',
    todo: 'Look at the target; then `remedyd incident retry` or `remedyd incident cancel`. Counts in the breaker.',
  },
  cancelled: {
    means: 'A person ended it or refused its approval, or nobody answered in time.',
    todo: 'Repair it by hand; `remedyd incident retry ID` starts another run.',
  },
  suppressed: { means: 'A gate said no for this episode; nothing was started.', todo: 'The reason says which.' },
  self_resolved: { means: 'The alerts resolved before anything was changed.', todo: 'Nothing.' },
};

const GATE_MEANINGS: Readonly<Record<GateName, Meaning>> = {
  paused: { means: '`remedyd pause` is on.', todo: '`remedyd resume`' },
  observe_mode: {
    means: 'The rule is in mode `observe`; the timeline shows what it would have done.',
    todo: 'Set `mode: auto` when you trust it.',
  },
  muted: { means: 'Inside `mute_time_intervals`, or outside `active_time_intervals`.', todo: 'Wait, or override.' },
  silenced: { means: 'Alertmanager says that all alerts of the target are silenced or inhibited.', todo: 'Lift the silence.' },
  unconfirmed: {
    means: 'The alert may be a late copy, or the daemon was down for more than 60 s and has not asked Alertmanager yet.',
    todo: 'Wait (at most 6 m, after downtime 90 s), or override.',
  },
  cause_firing: { means: 'An alert of `unless_firing` fires: the cause is elsewhere.', todo: 'Repair the cause, or override.' },
  acknowledged: { means: 'A person took the incident before the run started.', todo: '`remedyd incident retry` runs it anyway.' },
  storm: {
    means: 'More new alerts or acting runs than `limits.storm` or `limits.max_runs` allow.',
    todo: 'Look for the common cause. It is over after 5 m below half of both limits.',
  },
  breaker_open: {
    means: 'Too many acting runs of the rule did not fix it.',
    todo: '`remedyd breaker rearm RULE` once you know why.',
  },
  rate_limited: {
    means: 'Runs acted on the target as often as `safety.max_runs` allows.',
    todo: 'Look why it keeps coming back; or override.',
  },
  cooldown: { means: 'The last acting run on the target ended less than `safety.cooldown` ago.', todo: 'Wait, or override.' },
  target_busy: {
    means: 'Another run has the target or something that the step touches, or left it in quarantine.',
    todo: 'Wait; or cancel the run that the text names.',
  },
  blast_radius: {
    means: 'The rule works on as many targets as `safety.max_targets` allows.',
    todo: 'Look for the common cause; or override.',
  },
  concurrency: { means: 'As many runs are running as `limits.max_concurrent_runs` allows.', todo: 'Wait, or cancel one.' },
  delay: { means: 'The first alert is younger than `delay`.', todo: 'Wait, or cancel.' },
  cancel_window: { means: 'Announced, and runs after `cancel_window`.', todo: 'Cancel, or let it run.' },
  approval: {
    means: 'A changing step waits for an approval; the run keeps its target meanwhile.',
    todo: '`remedyd incident approve ID` or `reject ID`, or the buttons in Slack.',
  },
};

/** Why a run is held, did not act or failed, and why an incident was escalated. */
export const REASON_MEANINGS: Readonly<Record<Reason, Meaning>> = {
  ...GATE_MEANINGS,
  gate_error: {
    means: 'A gate could not be evaluated. Tried again every 30 s, escalated after 10 m.',
    todo: 'The text says why.',
  },
  rule_removed: {
    means: 'A reload took the rule away, or changed it so that it no longer matches.',
    todo: 'Repair it by hand, or bring the rule back.',
  },
  alerts_resolved: { means: 'The alerts resolved.', todo: 'Nothing.' },
  cancelled_by_person: { means: 'A person cancelled the run.', todo: 'Nothing.' },
  approval_void: {
    means: 'What was approved or asked for is not what would be done now, or the alerts resolved.',
    todo: 'Look at the new question, if there is one.',
  },
  approval_timeout: {
    means: 'Nobody answered the question in time (`approval.timeout`, or 24 h in all).',
    todo: 'After an escalation it can still be approved; a run that ended is started again with `retry`.',
  },
  rejected: { means: 'A person refused the approval.', todo: 'Repair it by hand.' },
  nothing_to_do: { means: 'The steps found nothing to change, and the alert fires.', todo: 'Look; the alert has another cause.' },
  step_failed: { means: 'A step failed for good.', todo: 'Look at the step.' },
  step_unknown: {
    means: 'Nobody can tell whether the change of a step happened.',
    todo: 'Look at the target; then retry or cancel the run.',
  },
  run_timeout: { means: 'The `timeout` of the run was up before its steps were done.', todo: 'Look which step took so long.' },
  missing_value: {
    means: 'A label, an output or a parameter was empty or absent. Nothing is widened instead.',
    todo: 'Correct the rule or the labels.',
  },
  expression_error: { means: 'An expression could not be evaluated.', todo: 'Correct the rule; `remedyd explain` shows it.' },
  verification_failed: { means: 'A condition of `verify` stayed false.', todo: 'Repair it by hand.' },
  verification_unknown: {
    means: 'The conditions of `verify` could not be found out.',
    todo: 'Look whether the check can reach its target.',
  },
  still_firing: { means: 'The checks said that it helped, and the alert still fires.', todo: 'Look which of the two is wrong.' },
  finally_failed: { means: 'A step of `finally` failed. The outcome of the run stays.', todo: 'Clean up by hand.' },
  alert_joined: {
    means: 'Another alert fires on a target whose run was verified.',
    todo: 'Look; there is no second run in the same episode.',
  },
  truncated: {
    means: 'Alertmanager left alerts out (`max_alerts`): they are unseen, and the incident stays open.',
    todo: 'Set `max_alerts: 0`.',
  },
  response_time: {
    means: "Nobody acknowledged the incident within its severity's `response_time`.",
    todo: '`remedyd incident ack ID`',
  },
  escalation_policy: { means: 'A rung of the escalation policy was due.', todo: 'Acknowledge it, or look at what is tried.' },
  escalated_by_person: { means: 'A person called for more people.', todo: 'Look at the note.' },
  update_overdue: {
    means: 'The update that was promised (`update_every`) is late.',
    todo: 'Say how it stands: `remedyd incident note ID`.',
  },
  dismissed: { means: 'A person resolved the incident.', todo: 'Nothing.' },
  stale: {
    means: 'Nobody spoke of the alerts for `limits.stale_after`.',
    todo: 'Look whether Alertmanager still reaches remedyd.',
  },
};

/** Why steps fail. */
export const STEP_ERROR_MEANINGS: Readonly<Record<StepErrorCode, Meaning>> = {
  missing_value: REASON_MEANINGS.missing_value,
  invalid_value: { means: 'A value does not fit its parameter.', todo: 'Correct the rule.' },
  expression_error: REASON_MEANINGS.expression_error,
  not_allowed: { means: 'Outside the `allow` list or the switches of the connection.', todo: 'Allow it, if it is meant to be.' },
  self_harm: { means: 'The step would act on remedyd itself.', todo: 'Correct the rule.' },
  over_limit: { means: 'More than `limit`, where doing a part is not safe.', todo: 'Look why it is so much.' },
  not_found: { means: 'The thing to act on does not exist.', todo: 'Correct the rule or the labels.' },
  precondition_failed: {
    means: 'The thing changed between plan and call; nothing was done.',
    todo: 'Nothing: somebody else was faster. `retry` tries again.',
  },
  permission_denied: {
    means: 'The target refused the credentials or the right.',
    todo: 'The text names the right that is missing.',
  },
  unavailable: { means: 'The target cannot be reached or is not ready.', todo: '`retry` tries again.' },
  timeout: { means: "The step's time was up.", todo: 'Raise `timeout`, if the target is sound.' },
  aborted: { means: 'The run was cancelled, or the daemon stopped.', todo: 'Nothing.' },
  rejected: { means: 'The target answered that it would not or could not.', todo: 'Look at its answer.' },
  invalid_response: { means: "The target's answer is not what its protocol promises.", todo: 'Look what answers there.' },
  expectation_failed: { means: '`expect` was false.', todo: 'Look at the output of the step.' },
  not_approved: {
    means: 'A step of `finally` needed an approval, and nobody gave one.',
    todo: 'Do what the step would have done by hand, where it matters.',
  },
  unknown_outcome: {
    means: 'Nobody can tell whether the change happened.',
    todo: 'Look at the target; then retry or cancel the run.',
  },
  internal_error: { means: 'A defect of remedyd.', todo: 'Report it, with the log.' },
};
