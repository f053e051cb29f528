/** How often `verify` looks. */
export const CHECK_INTERVAL_MS = 5_000;
/** How often a step with `expect` and `within` looks. */
export const EXPECT_INTERVAL_MS = 2_000;
/** How long a step waits before it asks again for a touch that another run holds. */
export const TOUCH_INTERVAL_MS = 5_000;
/** How long an unconfirmed episode holds its run. */
export const UNCONFIRMED_MS = 6 * 60_000;
/** Longer downtimes make the daemon look at the world again before it acts. */
export const LONG_DOWNTIME_MS = 60_000;
/** How long runs hold after a long downtime, unless Alertmanager was asked before. */
export const BOOT_HOLD_MS = 90_000;
/** After a downtime longer than this a step that was under way is not repeated. */
export const REPEAT_AFTER_DOWNTIME_MS = 5 * 60_000;
/** How long a storm must stay below half of its limits to be over. */
export const CALM_MS = 5 * 60_000;
/** When a gate cannot be evaluated. */
export const GATE_RETRY_MS = 30_000;
export const GATE_ERROR_ESCALATION_MS = 10 * 60_000;
/** How long a scheduled run waits for its target or for a free slot before it is skipped. */
export const SCHEDULED_HOLD_MS = 10 * 60_000;
/** A tick that is taken so much later than it was due was not missed: the daemon was busy, or was started again. */
export const TICK_GRACE_MS = 60_000;
/** A last tick that is so far in the future was taken while the clock was wrong. */
export const WRONG_CLOCK_MS = 24 * 60 * 60_000;
/** How many held runs are judged again at once when something they wait for becomes free. */
export const WAKE_BATCH = 50;
/** Two looks at Alertmanager that miss an alert must be this far apart to close it. */
export const ABSENCE_MS = 60_000;
/** A retry waits no longer than this. */
export const MAX_BACKOFF_MS = 60_000;
/** How many alerts of a line an expression sees. */
export const MAX_FROZEN_ALERTS = 1_000;
/** How exactly `last seen` is kept: a repeat that says nothing else is written at most so often. */
export const LAST_SEEN_PRECISION_MS = 60_000;
/** How long a due rung of an escalation policy waits at most for a run that may help. */
export const RUNG_HOLD_MS = 15 * 60_000;
/** How long a question to people can be answered after its timeout was escalated, counted from when it was asked. */
export const APPROVAL_EXPIRES_MS = 24 * 60 * 60_000;
/** How long planning the steps to come may take before people are asked. */
export const FORESEE_MS = 30_000;
