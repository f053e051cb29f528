import { copyLabels } from '../domain/alert.ts';
import type { QuarantinedAlert } from '../domain/alert.ts';
import type { JsonObject } from '../domain/json.ts';
import { OUTCOMES, REASONS } from '../domain/reason.ts';
import { EFFECTS, STEP_ERROR_CODES } from '../domain/remediation.ts';
import { RULE_MODES } from '../domain/rule.ts';
import { STEP_STATES } from '../domain/scope.ts';
import {
  ACTOR_EDGES,
  APPROVAL_STATES,
  CLOSED_BY,
  INCIDENT_STATUSES,
  NOTIFICATION_CHANNELS,
  NOTIFICATION_PURPOSES,
  RUN_STATES,
  SCHEDULE_KINDS,
  SKIP_REASONS,
  STEP_STAGES,
  TIMELINE_KINDS,
  TRIGGERS,
} from '../domain/state.ts';
import type {
  AlertContent,
  Approval,
  AuditEntry,
  Breaker,
  Claim,
  Episode,
  FrozenAlerts,
  Incident,
  Line,
  Member,
  Notification,
  Run,
  ScheduleState,
  StepRecord,
  Switches,
  TimelineEntry,
} from '../domain/state.ts';
import { flag, integer, json, labels, nullable, text, word } from './column.ts';
import { defineTable } from './table.ts';
import type { ColumnsOf } from './table.ts';

/** What an alert says, under the id of its episode. Apart from it, so that refreshing an episode does not write it again. */
export type AlertContentRow = AlertContent & { readonly episodeId: string };

export type QuarantinedRow = QuarantinedAlert & { readonly source: string; readonly receivedAt: number };

/** A rule as it was, under the digest that runs name. */
export interface RuleSnapshotRow {
  readonly digest: string;
  readonly definition: string;
}

/** A notification, and since when it has been owed something without a break (epoch ms); of no meaning while it is owed nothing. */
export type NotificationRow = Notification & { readonly owedSince: number };

/** A request from outside that was taken. */
export interface RequestRow {
  readonly id: string;
  readonly at: number;
}

/** An audit entry and the hash that chains it to the one before. */
export type AuditRow = AuditEntry & { readonly hash: string };

/** The one row of a table that holds a single thing. */
export const ONLY_ROW = 'only';
export type SwitchesRow = Switches & { readonly id: string };
export interface HeartbeatRow {
  readonly id: string;
  readonly at: number;
}

export const episodes = defineTable<Episode>()('episode', ['id'], {
  id: text,
  alertKey: text,
  source: text,
  alertname: text,
  status: word(['firing', 'resolved']),
  startsAt: integer,
  endsAt: nullable(integer),
  previousEndsAt: nullable(integer),
  firstSeenAt: integer,
  lastSeenAt: integer,
  closedBy: nullable(word(CLOSED_BY)),
  current: flag,
  unconfirmedUntil: nullable(integer),
  suppressed: flag,
  absentSince: nullable(integer),
  rulesDigest: text,
});

export const alertContents = defineTable<AlertContentRow>()('alert_content', ['episodeId'], {
  episodeId: text,
  labels,
  annotations: labels,
  fingerprint: text,
  generatorUrl: text,
});

export const members = defineTable<Member>()('member', ['episodeId', 'incidentId'], {
  incidentId: text,
  episodeId: text,
  rule: text,
  target: nullable(text),
  joinedAt: integer,
});

export const incidents = defineTable<Incident>()('incident', ['id'], {
  id: text,
  rule: text,
  groupKey: text,
  groupLabels: labels,
  status: word(INCIDENT_STATUSES),
  severity: text,
  severityRank: integer,
  startedAt: integer,
  acknowledgedAt: nullable(integer),
  acknowledgedBy: nullable(text),
  resolvedAt: nullable(integer),
  closedAs: nullable(word(['resolved', 'stale', 'dismissed'])),
  escalationLevel: integer,
  truncatedAlerts: integer,
  firing: integer,
  quietSince: nullable(integer),
  lastSeenAt: integer,
  previousId: nullable(text),
  notifyOnly: flag,
  wakeAt: nullable(integer),
  nextRung: integer,
  rungHeldSince: nullable(integer),
  responseMissed: flag,
  updateDueAt: nullable(integer),
  fields: json(),
});

export const lines = defineTable<Line>()('line', ['id'], {
  id: text,
  incidentId: text,
  rule: text,
  target: text,
  episode: integer,
  firing: integer,
  firingSince: integer,
  resolvedAt: nullable(integer),
  closedBy: nullable(word(CLOSED_BY)),
  severityRank: integer,
  runId: nullable(text),
  watchUntil: nullable(integer),
});

export const runs = defineTable<Run>()('run', ['id'], {
  id: text,
  incidentId: nullable(text),
  lineId: nullable(text),
  lineEpisode: integer,
  rule: text,
  ruleDigest: text,
  target: text,
  trigger: word(TRIGGERS),
  actor: nullable(text),
  mode: word(RULE_MODES),
  readsOnly: flag,
  severityRank: integer,
  params: json(),
  state: word(RUN_STATES),
  outcome: nullable(word(OUTCOMES)),
  reason: nullable(word([...REASONS, ...STEP_ERROR_CODES])),
  rung: integer,
  attempt: integer,
  createdAt: integer,
  startedAt: nullable(integer),
  actingAt: nullable(integer),
  rungActed: flag,
  endedAt: nullable(integer),
  deadlineAt: nullable(integer),
  verifyingSince: nullable(integer),
  verifyDeadlineAt: nullable(integer),
  stableSince: nullable(integer),
  checksSeen: json(),
  wakeAt: nullable(integer),
  heldSince: nullable(integer),
  escalatedFor: nullable(text),
  delayFrom: integer,
  delayDone: flag,
  announcedAt: nullable(integer),
  cancelWindowDone: flag,
  cancelledBy: nullable(text),
  overrides: json(),
  verdicts: json(),
  frozen: nullable(json(reviveFrozenAlerts)),
  ending: nullable(json()),
  quarantined: flag,
  recurred: flag,
  evidence: nullable(word(['checks', 'alert'])),
});

export const steps = defineTable<StepRecord>()('step', ['runId', 'address'], {
  runId: text,
  address: text,
  position: integer,
  id: text,
  uses: text,
  effect: word(EFFECTS),
  state: word(STEP_STATES),
  stage: nullable(word(STEP_STAGES)),
  attempts: integer,
  connection: nullable(text),
  params: nullable(json()),
  plan: nullable(json()),
  output: nullable(json()),
  error: nullable(json()),
  items: nullable(json()),
  item: nullable(json()),
  startedAt: integer,
  actingAt: nullable(integer),
  endedAt: nullable(integer),
  wakeAt: nullable(integer),
  expectUntil: nullable(integer),
});

export const claims = defineTable<Claim>()('claim', ['key'], {
  key: text,
  runId: text,
  rule: text,
  since: integer,
  quarantined: flag,
});

export const breakers = defineTable<Breaker>()('breaker', ['rule'], {
  rule: text,
  openedAt: nullable(integer),
  rearmedAt: integer,
  rearmedBy: nullable(text),
});

export const switches = defineTable<SwitchesRow>()('switches', ['id'], {
  id: text,
  pausedAt: nullable(integer),
  pausedUntil: nullable(integer),
  pausedBy: nullable(text),
  pauseReason: nullable(text),
  stormSince: nullable(integer),
  calmSince: nullable(integer),
  bootAt: integer,
  downtimeMs: integer,
  reconciledAt: nullable(integer),
});

export const schedules = defineTable<ScheduleState>()('schedule', ['kind', 'name'], {
  kind: word(SCHEDULE_KINDS),
  name: text,
  digest: text,
  nextAt: nullable(integer),
  lastAt: nullable(integer),
  liveRunId: nullable(text),
  lastRunId: nullable(text),
  lastRunAt: nullable(integer),
  lastOutcome: nullable(text),
  lastSkipAt: nullable(integer),
  lastSkipReason: nullable(word(SKIP_REASONS)),
});

export const heartbeats = defineTable<HeartbeatRow>()('heartbeat', ['id'], { id: text, at: integer });

export const timeline = defineTable<TimelineEntry>()('timeline', [], {
  incidentId: nullable(text),
  runId: nullable(text),
  at: integer,
  kind: word(TIMELINE_KINDS),
  reason: nullable(text),
  text,
  actor: nullable(text),
});

export const quarantined = defineTable<QuarantinedRow>()('quarantined', [], {
  receivedAt: integer,
  source: text,
  reason: text,
  payload: json(),
});

export const ruleSnapshots = defineTable<RuleSnapshotRow>()('rule_snapshot', ['digest'], {
  digest: text,
  definition: text,
});

export const approvals = defineTable<Approval>()('approval', ['id'], {
  id: text,
  runId: text,
  incidentId: nullable(text),
  address: text,
  intentDigest: text,
  intent: json(),
  why: text,
  roles: json(),
  count: integer,
  excluded: nullable(text),
  state: word(APPROVAL_STATES),
  approvedBy: json(),
  decidedBy: nullable(text),
  decidedAt: nullable(integer),
  reason: nullable(text),
  askedAt: integer,
  timeoutAt: integer,
  onTimeout: word(['escalate', 'cancel']),
  expiresAt: integer,
});

const NOTIFICATION_COLUMNS = {
  id: text,
  incidentId: nullable(text),
  channel: word(NOTIFICATION_CHANNELS),
  place: text,
  purpose: word(NOTIFICATION_PURPOSES),
  text: nullable(text),
  bundleId: nullable(text),
  createdAt: integer,
  wanted: integer,
  toldVersion: integer,
  told: nullable(json<JsonObject>()),
  toldPosition: integer,
  underWay: nullable(json<JsonObject>()),
  notBefore: integer,
  attempts: integer,
  lastError: nullable(text),
  isDead: flag,
} as const;

/** What is read of a notification. */
export const notifications = defineTable<Notification>()('notification', ['id'], NOTIFICATION_COLUMNS);

/** What is written of a new one. */
export const notificationRows = defineTable<NotificationRow>()('notification', ['id'], {
  ...NOTIFICATION_COLUMNS,
  owedSince: integer,
});

const AUDIT_COLUMNS = {
  at: integer,
  person: text,
  via: word(ACTOR_EDGES),
  action: text,
  subject: text,
  details: json<JsonObject>(),
  ok: flag,
  text,
} as const;

/** What the hash of an audit entry covers, in this order. */
export const auditEntries = defineTable<AuditEntry>()('audit', [], AUDIT_COLUMNS);

export const auditRows = defineTable<AuditRow>()('audit', [], { ...AUDIT_COLUMNS, hash: text });

export const requests = defineTable<RequestRow>()('request', ['id'], { id: text, at: integer });

/** All tables, for the migrations' test and for Kysely. */
export const TABLES = [
  episodes,
  alertContents,
  members,
  incidents,
  lines,
  runs,
  steps,
  claims,
  breakers,
  switches,
  schedules,
  heartbeats,
  timeline,
  quarantined,
  ruleSnapshots,
  approvals,
  notificationRows,
  auditRows,
  requests,
] as const;

/** The schema as Kysely's types. `position` is the order of writing. */
export interface Schema {
  readonly episode: ColumnsOf<Episode>;
  readonly alert_content: ColumnsOf<AlertContentRow>;
  readonly member: ColumnsOf<Member>;
  readonly incident: ColumnsOf<Incident>;
  readonly line: ColumnsOf<Line>;
  readonly run: ColumnsOf<Run>;
  readonly step: ColumnsOf<StepRecord>;
  readonly claim: ColumnsOf<Claim>;
  readonly breaker: ColumnsOf<Breaker>;
  readonly switches: ColumnsOf<SwitchesRow>;
  readonly schedule: ColumnsOf<ScheduleState>;
  readonly heartbeat: ColumnsOf<HeartbeatRow>;
  readonly timeline: ColumnsOf<TimelineEntry> & { readonly position: number };
  readonly quarantined: ColumnsOf<QuarantinedRow> & { readonly position: number };
  readonly rule_snapshot: ColumnsOf<RuleSnapshotRow>;
  readonly approval: ColumnsOf<Approval>;
  readonly notification: ColumnsOf<NotificationRow>;
  readonly audit: ColumnsOf<AuditRow> & { readonly position: number };
  readonly request: ColumnsOf<RequestRow>;
}

/** JSON has no objects without prototype, which labels are. */
function reviveFrozenAlerts(frozen: FrozenAlerts): FrozenAlerts {
  return {
    ...frozen,
    group: copyLabels(frozen.group),
    alerts: frozen.alerts.map((alert) => ({
      ...alert,
      labels: copyLabels(alert.labels),
      annotations: copyLabels(alert.annotations),
    })),
  };
}
