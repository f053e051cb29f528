import type { IncidentPhase } from './incident-phase.ts';
import type { Incident, Line, Run } from './state.ts';

/**
 * How far an incident is: `identified` while a run is at work or waits for an approval in its middle, `monitoring` once
 * every line is verifying, verified or resolved.
 */
export function phaseOf(
  incident: Pick<Incident, 'status' | 'firing'>,
  lines: readonly Line[],
  runs: readonly Run[],
): IncidentPhase {
  if (incident.status === 'resolved') return 'resolved';
  const mayHaveHelped = (run: Run | undefined): boolean => run?.state === 'verifying' || run?.outcome === 'verified';
  const isWatched = (line: Line): boolean =>
    line.firing === 0 || mayHaveHelped(runs.find((candidate) => candidate.id === line.runId));
  // Without lines it only tells people, or it is of a run that no alert began.
  const isOver = lines.length === 0 ? incident.firing === 0 && runs.every(mayHaveHelped) : lines.every(isWatched);
  if (isOver) return 'monitoring';
  const isActing = (run: Run): boolean => run.state === 'running' || (run.state === 'held' && run.startedAt !== null);
  return runs.some(isActing) ? 'identified' : 'investigating';
}
