import type { IncidentDetail } from '../../domain/store.ts';
import { shorten } from './answer-text.ts';
import { describeRun } from './describe-incident.ts';

const MAX_RUNS = 5;

/** Why each run of an incident acts, waits or did not act: what every gate said. The newest runs, the newest first. */
export function describeWhy({ incident, runs, approvals }: IncidentDetail): string {
  if (runs.length === 0) return `${incident.id}: the rule ${incident.rule} has started nothing here`;
  const newest = [...runs].sort((a, b) => b.createdAt - a.createdAt);
  const shown = newest
    .slice(0, MAX_RUNS)
    .map((run) =>
      [
        describeRun(run, approvals),
        ...(run.verdicts.length === 0 ? ['  no gate has judged it yet'] : []),
        ...run.verdicts.map(
          ({ gate, verdict, detail }) => `  ${gate}: ${verdict}${detail === '' ? '' : `, ${shorten(detail, 160)}`}`,
        ),
      ].join('\n'),
    );
  const left = newest.length - shown.length;
  return [...shown, ...(left === 0 ? [] : [`and ${left} older runs: see show ${incident.id}`])].join('\n');
}
