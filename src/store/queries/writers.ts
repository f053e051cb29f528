import type {
  Approval,
  Breaker,
  Claim,
  Episode,
  Incident,
  Line,
  Member,
  Notification,
  Run,
  ScheduleState,
  StepRecord,
  TimelineEntry,
} from '../../domain/state.ts';
import * as rows from '../rows.ts';
import type { StoreDialect } from './store-dialect.ts';
import { addMissingRows, askForPlaces, replaceRows, updateRows } from './write-rows.ts';
import type { RowWriter } from './row-writer.ts';

/** One statement for the rows of each table. */
export interface Writers {
  readonly episodes: RowWriter<Episode>;
  readonly alertContents: RowWriter<rows.AlertContentRow>;
  readonly members: RowWriter<Member>;
  readonly incidents: RowWriter<Incident>;
  readonly lines: RowWriter<Line>;
  readonly runs: RowWriter<Run>;
  readonly steps: RowWriter<StepRecord>;
  readonly claims: RowWriter<Claim>;
  readonly breakers: RowWriter<Breaker>;
  readonly switches: RowWriter<rows.SwitchesRow>;
  readonly schedules: RowWriter<ScheduleState>;
  readonly heartbeats: RowWriter<rows.HeartbeatRow>;
  readonly timeline: RowWriter<TimelineEntry>;
  readonly quarantined: RowWriter<rows.QuarantinedRow>;
  readonly ruleSnapshots: RowWriter<rows.RuleSnapshotRow>;
  readonly approvals: RowWriter<Approval>;
  readonly notifications: RowWriter<rows.NotificationRow>;
  readonly delivered: Pick<RowWriter<Notification>, 'sql' | 'encode'>;
  readonly audit: RowWriter<rows.AuditRow>;
  readonly requests: RowWriter<rows.RequestRow>;
}

export function createWriters(dialect: StoreDialect): Writers {
  return {
    episodes: replaceRows(dialect, rows.episodes),
    alertContents: replaceRows(dialect, rows.alertContents),
    members: replaceRows(dialect, rows.members),
    incidents: replaceRows(dialect, rows.incidents),
    lines: replaceRows(dialect, rows.lines),
    runs: replaceRows(dialect, rows.runs),
    steps: replaceRows(dialect, rows.steps),
    claims: replaceRows(dialect, rows.claims),
    breakers: replaceRows(dialect, rows.breakers),
    switches: replaceRows(dialect, rows.switches),
    schedules: replaceRows(dialect, rows.schedules),
    heartbeats: replaceRows(dialect, rows.heartbeats),
    timeline: replaceRows(dialect, rows.timeline),
    quarantined: replaceRows(dialect, rows.quarantined),
    ruleSnapshots: addMissingRows(dialect, rows.ruleSnapshots),
    approvals: replaceRows(dialect, rows.approvals),
    notifications: askForPlaces(dialect, rows.notificationRows),
    // Meanwhile it may have been asked for as a page, or been told of something new.
    delivered: updateRows(dialect, rows.notifications, ['wanted', 'purpose']),
    audit: replaceRows(dialect, rows.auditRows),
    requests: addMissingRows(dialect, rows.requests),
  };
}
