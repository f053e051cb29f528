import * as rows from '../rows.ts';
import type { StoreDialect } from './store-dialect.ts';
import { addMissingRows, replaceRows } from './write-rows.ts';

/** One statement for the rows of each table. */
export function createWriters(dialect: StoreDialect) {
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
