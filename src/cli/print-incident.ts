import { formatDuration } from '../domain/duration.ts';
import type { IncidentDetailView, IncidentView } from './incident-view.ts';
import { printable } from './printable.ts';

/** One line an incident, the newest first, as the API gives them. */
export function formatIncidentList(incidents: readonly IncidentView[], now: number): string {
  if (incidents.length === 0) return 'no incidents';
  const rows = incidents.map((incident) => [
    incident.id,
    incident.status,
    incident.phase,
    incident.severity,
    `${formatDuration(roundToSecond(now - Date.parse(incident.started_at)))} ago`,
    printable(incident.rule),
    printable(labelText(incident.labels)),
  ]);
  return formatTable(['ID', 'STATUS', 'PHASE', 'SEVERITY', 'STARTED', 'RULE', 'GROUP'], rows);
}

/** The story of an incident, for somebody who was just woken: where it stands first, then what happened, in order. */
export function formatIncident(incident: IncidentDetailView): string {
  const lines = [`${incident.id}  ${incident.severity}  ${incident.status} (${incident.phase})  ${printable(incident.rule)}`, ''];
  const facts: [string, string][] = [
    ['group', printable(labelText(incident.labels)) || '–'],
    ['started', incident.started_at],
    [
      'taken by',
      incident.acknowledged_by === null
        ? 'nobody'
        : `${printable(incident.acknowledged_by)} at ${incident.acknowledged_at ?? ''}`,
    ],
    ['resolved', incident.resolved_at ?? 'no'],
    [
      'escalated',
      incident.escalation_level === 0
        ? 'no'
        : `${incident.escalation_level} ${incident.escalation_level === 1 ? 'time' : 'times'}`,
    ],
  ];
  if (incident.truncated_alerts > 0) facts.push(['unseen', `${incident.truncated_alerts} alerts that Alertmanager left out`]);
  if (incident.update_due_at !== null) facts.push(['update', `promised until ${incident.update_due_at}`]);
  for (const [name, value] of Object.entries(incident.fields)) facts.push([printable(name), printable(value)]);
  for (const [name, value] of facts) lines.push(`  ${name.padEnd(10)}${value}`);
  lines.push('', 'ALERTS');
  for (const alert of incident.alerts) lines.push(`  ${alert.status.padEnd(9)} ${printable(labelText(alert.labels))}`);
  lines.push('', 'RUNS');
  if (incident.runs.length === 0) lines.push('  none');
  for (const run of incident.runs) {
    const reason = run.reason === null ? '' : ` (${run.reason})`;
    lines.push(`  ${run.id}  ${printable(run.target)}  ${run.outcome ?? run.state}${reason}`);
    lines.push(...formatOpenApproval(run));
    for (const step of run.steps) {
      const error = step.error === null ? '' : `  ${step.error.code}: ${printable(step.error.message)}`;
      lines.push(`    ${step.state.padEnd(10)} ${step.id.padEnd(16)} ${step.uses}${error}`);
    }
  }
  lines.push('', 'TIMELINE (UTC)');
  for (const entry of incident.timeline) {
    const actor = entry.actor === null ? '' : `  [${printable(entry.actor)}]`;
    lines.push(`  ${timeOf(entry.at)}  ${entry.kind.padEnd(15)} ${printable(entry.text)}${actor}`);
  }
  return lines.join('\n');
}

/** What people are asked to allow, while they are. */
function formatOpenApproval({ approval, intent_digest: digest }: IncidentDetailView['runs'][number]): readonly string[] {
  if (approval?.state !== 'open') return [];
  const who = approval.roles.length === 0 ? 'a responder' : approval.roles.join(' or ');
  return [
    `    waits for ${who} until ${approval.timeout_at} (${approval.approved_by.length} of ${approval.count}): ${printable(approval.why)}`,
    ...approval.intent.map(({ uses, summary }) => `      would ${printable(summary)}  (${uses})`),
    `      intent ${digest ?? ''}`,
  ];
}

function timeOf(at: string): string {
  return at.slice(0, 19).replace('T', ' ');
}

function roundToSecond(ms: number): number {
  return Math.max(0, Math.round(ms / 1000) * 1000);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}

/** Columns as wide as their widest cell. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
