import type { GateVerdict } from '../../domain/state.ts';
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
    .map((run) => [describeRun(run, approvals), ...describeVerdicts(run.verdicts)].join('\n'));
  const left = newest.length - shown.length;
  return [`${incident.id}:`, ...shown, ...(left === 0 ? [] : [`and ${left} older runs`])].join('\n');
}

/** Each gate that saw something, then those that had nothing against it. */
function describeVerdicts(verdicts: readonly GateVerdict[]): readonly string[] {
  if (verdicts.length === 0) return ['  no gate has judged it yet'];
  const isQuiet = ({ verdict, detail }: GateVerdict): boolean => verdict === 'proceed' && detail === '';
  const quiet = verdicts.filter(isQuiet).map(({ gate }) => gate);
  return [
    ...verdicts
      .filter((verdict) => !isQuiet(verdict))
      .map(({ gate, verdict, detail }) => `  ${gate}: ${verdict}${detail === '' ? '' : `, ${shorten(detail, 160)}`}`),
    ...(quiet.length === 0 ? [] : [`  proceed: ${quiet.join(', ')}`]),
  ];
}
