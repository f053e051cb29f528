import type { Breaker, Claim, Episode, Incident, Line, Member, Run, StepRecord, TimelineEntry } from '../../domain/state.ts';
import * as rows from '../rows.ts';
import type { StoreDialect } from './store-dialect.ts';
import { addMissingRows, replaceRows } from './write-rows.ts';
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
  readonly heartbeats: RowWriter<rows.HeartbeatRow>;
  readonly timeline: RowWriter<TimelineEntry>;
  readonly quarantined: RowWriter<rows.QuarantinedRow>;
  readonly ruleSnapshots: RowWriter<rows.RuleSnapshotRow>;
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
    heartbeats: replaceRows(dialect, rows.heartbeats),
    timeline: replaceRows(dialect, rows.timeline),
    quarantined: replaceRows(dialect, rows.quarantined),
    ruleSnapshots: addMissingRows(dialect, rows.ruleSnapshots),
  };
}
