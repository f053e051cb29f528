import { formatDuration } from '../../domain/duration.ts';
import { phaseOf } from '../../domain/phase-of.ts';
import type { Approval, Incident, Run } from '../../domain/state.ts';
import type { IncidentDetail } from '../../domain/store.ts';
import { shorten } from './answer-text.ts';

const MAX_LABELS = 6;
const MAX_RUNS = 8;
const MAX_ENTRIES = 8;
const MINUTE_MS = 60_000;

/** An incident on one line. */
export function describeIncidentLine(incident: Incident, now: number): string {
  const labels = Object.entries(incident.groupLabels)
    .slice(0, MAX_LABELS)
    .map(([name, value]) => `${name}=${shorten(value, 60)}`);
  const age = formatDuration(Math.floor(Math.max(0, now - incident.startedAt) / MINUTE_MS) * MINUTE_MS);
  const owner = incident.acknowledgedBy === null ? '' : ` by ${incident.acknowledgedBy}`;
  return [`${incident.id} ${incident.severity} ${incident.status}${owner}`, incident.rule, ...labels, `for ${age}`].join(', ');
}

/** An incident with its runs and the end of its story. */
export function describeIncident(detail: IncidentDetail, now: number): string {
  const { incident, alerts, runs, lines, timeline, approvals } = detail;
  const level = incident.escalationLevel === 0 ? '' : `; escalated ${incident.escalationLevel} times`;
  return [
    describeIncidentLine(incident, now),
    `${phaseOf(incident, lines, runs)}; ${incident.firing} of ${alerts.length} alerts fire${level}`,
    ...runs.slice(-MAX_RUNS).map((run) => describeRun(run, approvals)),
    ...timeline
      .slice(-MAX_ENTRIES)
      .map(({ at, text }) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} ${shorten(text, 200)}`),
  ].join('\n');
}

/** A run and how it is, on one line. */
export function describeRun(run: Run, approvals: readonly Approval[]): string {
  const end = run.outcome === null ? run.state : `${run.state} ${run.outcome}`;
  const reason = run.reason === null ? '' : ` (${run.reason})`;
  const open = approvals.find((approval) => approval.runId === run.id && approval.state === 'open');
  const waits =
    open === undefined ? '' : `; waits for ${open.count - open.approvedBy.length} more to approve: ${shorten(open.why, 120)}`;
  return `${run.id} ${run.rule} on ${shorten(run.target, 100)}: ${end}${reason}${waits}`;
}
