import type { IncidentDetailView } from '../../src/cli/incident-view.ts';
import type { RunView } from './daemon.ts';

/** The kinds of an incident's story that `wanted` names, in the order in which they happened. */
export function storyOf({ timeline }: IncidentDetailView, wanted: readonly string[]): readonly string[] {
  return timeline.map(({ kind }) => kind).filter((kind) => wanted.includes(kind));
}

/** The newest run of an incident; an empty incident has none to look at. */
export function lastRun({ id, runs }: IncidentDetailView): RunView {
  const run = runs.at(-1);
  if (run === undefined) throw new Error(`incident ${id} has no run`);
  return run;
}

/** What the step gave; of the last rung that had a step of this id. */
export function outputOf(run: RunView, stepId: string): unknown {
  return run.steps.findLast(({ id }) => id === stepId)?.output;
}

/** Whether the newest run of the incident ended so. */
export function hasOutcome(outcome: string): (incident: IncidentDetailView) => boolean {
  return ({ runs }) => runs.at(-1)?.outcome === outcome;
}

/** Whether its newest run has ended at all. */
export function hasEnded({ runs }: IncidentDetailView): boolean {
  return runs.at(-1)?.state === 'ended';
}

export function isResolved({ status }: IncidentDetailView): boolean {
  return status === 'resolved';
}

/** Whether the incident's group has this label. */
export function hasLabel(name: string, value: string): (incident: IncidentDetailView) => boolean {
  return ({ labels }) => labels[name] === value;
}
