import type { Labels } from './alert.ts';
import type { Json, JsonObject } from './json.ts';
import type { Effect, Plan, StepErrorCode } from './remediation.ts';
import type { GateName, Outcome, Reason } from './reason.ts';
import type { RuleMode } from './rule.ts';
import type { AlertView, StepState } from './scope.ts';

// The rows that the pipeline decides over. All instants are epoch milliseconds; `null` where there is none.

/** How an episode came to its end. Only the first two say that the alert's condition is gone. */
export const CLOSED_BY = ['alertmanager', 'reconciled', 'dismissed', 'stale'] as const;
export type ClosedBy = (typeof CLOSED_BY)[number];

/** One alert from firing to resolved. At most one episode of an alert key is `current`: the newest. */
export interface Episode {
  readonly id: string;
  readonly alertKey: string;
  readonly source: string;
  readonly alertname: string;
  readonly status: 'firing' | 'resolved';
  /** Epoch milliseconds, of Alertmanager's message. */
  readonly startsAt: number;
  readonly endsAt: number | null;
  /** When the episode before it ended, by Alertmanager's `endsAt`: an older `resolved` is stale. */
  readonly previousEndsAt: number | null;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Of a firing episode only `dismissed`: a person resolved its incident, so that its repeats do nothing. */
  readonly closedBy: ClosedBy | null;
  readonly current: boolean;
  /** Until when the episode is doubtful: a firing that may be a late copy. */
  readonly unconfirmedUntil: number | null;
  /** Whether Alertmanager says it is silenced or inhibited. */
  readonly suppressed: boolean;
  /** The first look at Alertmanager in which it was missing. */
  readonly absentSince: number | null;
  /** The digest of the rule set it was last matched with. */
  readonly rulesDigest: string;
}

/** What an alert says. Written once with its episode. */
export interface AlertContent {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly fingerprint: string;
  readonly generatorUrl: string;
}

/** An alert's place in an incident. `target` is null where the rule has no steps or the target has no value. */
export interface Member {
  readonly incidentId: string;
  readonly episodeId: string;
  readonly rule: string;
  readonly target: string | null;
  readonly joinedAt: number;
}

export const INCIDENT_STATUSES = ['triggered', 'acknowledged', 'resolved'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** From the first firing to resolved: one rule and one set of group labels. */
export interface Incident {
  readonly id: string;
  readonly rule: string;
  /** sha256 of the rule's name and its group labels; unique among the open ones. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly status: IncidentStatus;
  readonly severity: string;
  readonly severityRank: number;
  readonly startedAt: number;
  readonly acknowledgedAt: number | null;
  readonly acknowledgedBy: string | null;
  /** When it was closed as resolved: the instant its last alert resolved. */
  readonly resolvedAt: number | null;
  /** How it was closed; of an open one only `stale`, while none of its alerts fires and the last was given up. */
  readonly closedAs: 'resolved' | 'stale' | 'dismissed' | null;
  readonly escalationLevel: number;
  readonly truncatedAlerts: number;
  /** How many of its alerts fire. */
  readonly firing: number;
  /** When its last alert resolved, while none fires. */
  readonly quietSince: number | null;
  readonly lastSeenAt: number;
  /** The incident of the same rule and group before this one. */
  readonly previousId: string | null;
  /** No automation here: a person resolved the incident before it while its alerts fired. */
  readonly notifyOnly: boolean;
  /** The rungs of the escalation policy before this one were sent, were not needed when they were due, or wait (`rungHeldSince`). */
  readonly nextRung: number;
  /** Since when a due rung waits for the end of a run that may help. */
  readonly rungHeldSince: number | null;
  /** Whether nobody acknowledged it within the response time, and people were told so. */
  readonly responseMissed: boolean;
  /** When people were promised the next update. */
  readonly updateDueAt: number | null;
  /** Lines of its message that people set; they win over the rule's. */
  readonly fields: Readonly<Record<string, string>>;
  readonly wakeAt: number | null;
}

/** The alerts of an incident that share a target. `episode` counts from firing to all resolved. */
export interface Line {
  readonly id: string;
  readonly incidentId: string;
  readonly rule: string;
  readonly target: string;
  readonly episode: number;
  readonly firing: number;
  /** The first message of this episode. */
  readonly firingSince: number;
  readonly resolvedAt: number | null;
  /** How the episode's last alert was closed. */
  readonly closedBy: ClosedBy | null;
  readonly severityRank: number;
  /** The newest run of this line. */
  readonly runId: string | null;
  /** After a verified run whose alert still fires: when people are told. */
  readonly watchUntil: number | null;
}

export const RUN_STATES = ['pending', 'held', 'running', 'verifying', 'ended'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const TRIGGERS = ['alert', 'retry', 'manual', 'schedule'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export interface GateVerdict {
  readonly gate: GateName;
  readonly verdict: 'proceed' | 'hold' | 'suppress';
  /** For people: what it saw. */
  readonly detail: string;
}

/** The alerts as they were when the run was claimed. */
export interface FrozenAlerts {
  readonly alerts: readonly AlertView[];
  readonly group: Labels;
  readonly severity: string;
  readonly incidentStatus: string;
  readonly incidentStartedAt: number;
}

/** One execution of a rule's playbook and its fallbacks for one target. */
export interface Run {
  readonly id: string;
  readonly incidentId: string | null;
  readonly lineId: string | null;
  readonly lineEpisode: number;
  readonly rule: string;
  /** The rule it was claimed with, or last judged by. */
  readonly ruleDigest: string;
  readonly target: string;
  readonly trigger: Trigger;
  readonly actor: string | null;
  readonly mode: RuleMode;
  /** A playbook that only reads: takes no lock and counts in no limit. */
  readonly readsOnly: boolean;
  readonly severityRank: number;
  readonly params: JsonObject;
  readonly state: RunState;
  readonly outcome: Outcome | null;
  readonly reason: Reason | StepErrorCode | null;
  /** The index of the playbook or fallback under way. */
  readonly rung: number;
  /** 1 + the acting runs of this rule and target within `limits.recurrence`. */
  readonly attempt: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  /** When its first changing step was started. */
  readonly actingAt: number | null;
  /** Whether the rung under way has started a change. */
  readonly rungActed: boolean;
  readonly endedAt: number | null;
  /** When `timeout` is over; counts from the claim. */
  readonly deadlineAt: number | null;
  /** When the steps of the rung ended and verification began. */
  readonly verifyingSince: number | null;
  readonly verifyDeadlineAt: number | null;
  readonly stableSince: number | null;
  /** Which checks have been true at least once in this verification. */
  readonly checksSeen: readonly boolean[];
  readonly wakeAt: number | null;
  readonly heldSince: number | null;
  /** The reason that was already escalated, so that it is done once. */
  readonly escalatedFor: string | null;
  /** What `delay` counts from: the line's first message, or a restart after downtime. */
  readonly delayFrom: number;
  readonly delayDone: boolean;
  readonly announcedAt: number | null;
  readonly cancelWindowDone: boolean;
  readonly cancelledBy: string | null;
  readonly overrides: readonly GateName[];
  readonly verdicts: readonly GateVerdict[];
  readonly frozen: FrozenAlerts | null;
  /** While `finally` runs: how the run will end. */
  readonly ending: { readonly outcome: Outcome; readonly reason: Reason | StepErrorCode | null } | null;
  /** Its target and touches stay claimed until a person decides. */
  readonly quarantined: boolean;
  /** A verified run whose alert came back within `limits.recurrence`. */
  readonly recurred: boolean;
  /** `alert` when nothing but the alert said that it helped. */
  readonly evidence: 'checks' | 'alert' | null;
}

/** Where a step is, inside `running`. */
export const STEP_STAGES = ['planning', 'foreseeing', 'approving', 'acting', 'looking', 'waiting', 'children'] as const;
export type StepStage = (typeof STEP_STAGES)[number];

export interface StepFailure {
  readonly code: StepErrorCode;
  readonly message: string;
  readonly happened: 'nothing' | 'unknown';
}

/** One journal entry: a step, a round of `for_each`, or a playbook as a step. */
export interface StepRecord {
  readonly runId: string;
  /** Unique in the run: `RUNG:SECTION/ID[ROUND]/ID…`, e.g. `0:steps/kill`, `1:finally/others[2]/up`. */
  readonly address: string;
  /** The order of start. */
  readonly position: number;
  readonly id: string;
  readonly uses: string;
  readonly effect: Effect;
  readonly state: StepState;
  readonly stage: StepStage | null;
  readonly attempts: number;
  readonly connection: string | null;
  readonly params: JsonObject | null;
  readonly plan: Plan | null;
  readonly output: JsonObject | null;
  readonly error: StepFailure | null;
  /** The list of a `for_each`, frozen when it began. */
  readonly items: readonly Json[] | null;
  /** The value of this round of a `for_each`. */
  readonly item: Json | null;
  readonly startedAt: number;
  /** When the change was journaled as about to happen. */
  readonly actingAt: number | null;
  readonly endedAt: number | null;
  /** While waiting: when to try again. */
  readonly wakeAt: number | null;
  /** Until when `expect` may come true. */
  readonly expectUntil: number | null;
}

/** `target:…` or `touch:…`, held by one run. */
export interface Claim {
  readonly key: string;
  readonly runId: string;
  readonly rule: string;
  readonly since: number;
  readonly quarantined: boolean;
}

export interface Breaker {
  readonly rule: string;
  readonly openedAt: number | null;
  /** Failures before this do not count. */
  readonly rearmedAt: number;
  readonly rearmedBy: string | null;
}

/** The daemon's switches and memory of itself; one row. */
export interface Switches {
  readonly pausedAt: number | null;
  readonly pausedUntil: number | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
  readonly stormSince: number | null;
  /** Since when the storm is below half of its limit. */
  readonly calmSince: number | null;
  /** When this process began to work, and how long there was none before it. */
  readonly bootAt: number;
  readonly downtimeMs: number;
  /** The last complete look at Alertmanager. */
  readonly reconciledAt: number | null;
}

/** The switches while nobody has set any. */
export const UNSET_SWITCHES: Switches = {
  pausedAt: null,
  pausedUntil: null,
  pausedBy: null,
  pauseReason: null,
  stormSince: null,
  calmSince: null,
  bootAt: 0,
  downtimeMs: 0,
  reconciledAt: null,
};

/** What is due by the clock: a rule's runs, the news of a maintenance window. */
export const SCHEDULE_KINDS = ['rule', 'window'] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** Why a tick of a rule made no run, or one that did not start. */
export const SKIP_REASONS = [
  'missed', // nobody was there, or the clock jumped, and `catch_up` is over
  'missing_value', // the target has no value
  'paused',
  'muted',
  'cause_firing',
  'breaker_open',
  'target_busy', // for 10 minutes, or an earlier run of the rule waits already
  'concurrency', // for 10 minutes
  'rule_removed',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/**
 * When something is due by the clock, and what became of it so far. Whoever takes a tick writes the next one here in the same
 * transaction, so that each is taken once, by one process.
 */
export interface ScheduleState {
  readonly kind: ScheduleKind;
  /** Of the rule or of the time interval. */
  readonly name: string;
  /** Of what it was made from: with another it begins anew. */
  readonly digest: string;
  readonly nextAt: number | null;
  /** The newest tick that was taken; of a window the end of the one that people were told of last. */
  readonly lastAt: number | null;
  /** The newest run, until it has ended. */
  readonly liveRunId: string | null;
  /** The last run that has ended and was not skipped, when it was due, and how it ended; of a window what was told of it. */
  readonly lastRunId: string | null;
  readonly lastRunAt: number | null;
  readonly lastOutcome: string | null;
  readonly lastSkipAt: number | null;
  readonly lastSkipReason: SkipReason | null;
}

/** A line of an incident's or a run's story. */
export interface TimelineEntry {
  readonly incidentId: string | null;
  readonly runId: string | null;
  readonly at: number;
  readonly kind: TimelineKind;
  readonly reason: string | null;
  readonly text: string;
  readonly actor: string | null;
}

/** A line of the story with its place in it: what people were told so far is counted by it. */
export type StoredTimelineEntry = TimelineEntry & { readonly position: number };

export const TIMELINE_KINDS = [
  'opened',
  'alert_joined',
  'alert_resolved',
  'severity',
  'run_created',
  'run_held',
  'run_suppressed',
  'run_started',
  'step',
  'run_verifying',
  'check',
  'fallback',
  'run_ended',
  'escalated',
  'acknowledged',
  'cancelled',
  'retried',
  'announced',
  'message',
  'recurred',
  'resolved',
  'recovered',
  'note',
  'approval_asked',
  'approval_given',
  'approval_void',
  'rejected',
  'reminder',
  'undelivered',
] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

/** What the gates need of other runs. */
export interface RunBrief {
  readonly id: string;
  readonly rule: string;
  readonly target: string;
  readonly state: RunState;
  readonly outcome: Outcome | null;
  readonly recurred: boolean;
  readonly readsOnly: boolean;
  readonly trigger: Trigger;
  readonly actingAt: number | null;
  readonly endedAt: number | null;
}

export const APPROVAL_STATES = ['open', 'approved', 'rejected', 'void', 'expired'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** A step as the person saw it who allowed it: whatever lies outside of this was not allowed. */
export interface IntendedStep {
  readonly address: string;
  readonly uses: string;
  readonly connection: string | null;
  readonly params: JsonObject;
  /** The stable part of its plan. */
  readonly identity: JsonObject;
  /** For people: what it would do. */
  readonly summary: string;
}

/** A question to people: may this run do what it intends? Asked at a changing step, answered once. */
export interface Approval {
  /** Opaque and not to be guessed: it is what a button carries. */
  readonly id: string;
  readonly runId: string;
  readonly incidentId: string | null;
  /** The step that waits. */
  readonly address: string;
  /** sha256 of the rule, the target and the intended steps. */
  readonly intentDigest: string;
  /** The step that waits and, where they could be foreseen, the changing ones after it. */
  readonly intent: readonly IntendedStep[];
  /** Why it is asked: for people. */
  readonly why: string;
  /** Roles that may answer; empty: every known person with the role `responder`. */
  readonly roles: readonly string[];
  /** How many different people have to allow it. */
  readonly count: number;
  /** Whose word does not count: who started the run by hand. */
  readonly excluded: string | null;
  readonly state: ApprovalState;
  /** Who has allowed it so far. */
  readonly approvedBy: readonly string[];
  /** Who decided it, where a person did. */
  readonly decidedBy: string | null;
  readonly decidedAt: number | null;
  /** Why it is void, or what was said with a rejection. */
  readonly reason: string | null;
  readonly askedAt: number;
  /** When `on_timeout` acts. */
  readonly timeoutAt: number;
  readonly onTimeout: 'escalate' | 'cancel';
  /** After an escalated timeout it can still be answered until then. */
  readonly expiresAt: number;
}

export const NOTIFICATION_CHANNELS = ['slack', 'pagerduty'] as const;
export type NotificationChannel = (typeof NOTIFICATION_CHANNELS)[number];

/**
 * What a notification is for: the incident's `message` lives there, or somebody is called (`page`); a `bundle` stands
 * for many incidents that began together; a `notice` is one text of the daemon itself.
 */
export const NOTIFICATION_PURPOSES = ['message', 'page', 'bundle', 'notice'] as const;
export type NotificationPurpose = (typeof NOTIFICATION_PURPOSES)[number];

/**
 * What one place has been told of one incident, and whether it is owed more: the outbox. One row for each incident and
 * place, so that what changes ten times while Slack is down is told once.
 */
export interface Notification {
  /** `INCIDENT:CHANNEL:PLACE`, so that the same demand twice is one row. */
  readonly id: string;
  /** Null for bundles and notices. */
  readonly incidentId: string | null;
  readonly channel: NotificationChannel;
  /** As the rule or the policy names it: `#ops`, `U123`, `@dba`, a service of PagerDuty; `own` for a channel of its own. */
  readonly place: string;
  readonly purpose: NotificationPurpose;
  /** The text of a notice; of a bundle, how many of its incidents have left it. */
  readonly text: string | null;
  /** The bundle that speaks for this incident at this place. */
  readonly bundleId: string | null;
  readonly createdAt: number;
  /** Counts the changes that the place should hear of; `toldVersion` is the last that it has. It owes something while `wanted` is larger. */
  readonly wanted: number;
  readonly toldVersion: number;
  /** What the notifier has to know of what it said, e.g. the message's `ts`. Its own. */
  readonly told: JsonObject | null;
  /** Up to this place of the timeline it has been told. */
  readonly toldPosition: number;
  /** The operation that was begun and whose end is not known; it is looked for before it is done again. */
  readonly underWay: JsonObject | null;
  /** Not before this is it tried (again). */
  readonly notBefore: number;
  readonly attempts: number;
  readonly lastError: string | null;
  /** Given up: a person has to see to it. */
  readonly isDead: boolean;
}

/** Who did what. Append-only; each entry's hash covers the one before it. */
export interface AuditEntry {
  readonly at: number;
  readonly person: string;
  /** The edge it came through. */
  readonly via: ActorEdge;
  readonly action: string;
  readonly subject: string;
  /** What was asked for, without secrets. */
  readonly details: JsonObject;
  readonly ok: boolean;
  readonly text: string;
}

export type StoredAuditEntry = AuditEntry & {
  readonly position: number;
  /** sha256 over the hash before it and this entry. */
  readonly hash: string;
};

/** The edges through which people act. */
export const ACTOR_EDGES = ['api', 'slack', 'pagerduty', 'daemon'] as const;
export type ActorEdge = (typeof ACTOR_EDGES)[number];
