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
  const isWatched = (line: Line): boolean => {
    const run = runs.find((candidate) => candidate.id === line.runId);
    return line.firing === 0 || run?.state === 'verifying' || run?.outcome === 'verified';
  };
  if (lines.length === 0 ? incident.firing === 0 : lines.every(isWatched)) return 'monitoring';
  const isActing = (run: Run): boolean => run.state === 'running' || (run.state === 'held' && run.startedAt !== null);
  return runs.some(isActing) ? 'identified' : 'investigating';
}
