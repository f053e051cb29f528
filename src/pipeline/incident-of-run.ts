import { hash } from 'node:crypto';
import { copyLabels } from '../domain/alert.ts';
import type { Outcome } from '../domain/reason.ts';
import type { Rule } from '../domain/rule.ts';
import type { Run } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { closeIncident } from './incident.ts';
import { openIncident } from './open-incident.ts';
import { isFinally } from './step-address.ts';
import { escalate, tell } from './story.ts';
import type { World } from './world.ts';

/** The outcomes of a run without alerts after which nobody has to look. */
const ENDED_WELL: readonly Outcome[] = ['verified', 'completed', 'cancelled', 'suppressed', 'self_resolved'];

/** Opens the incident of a run that no alert began, so that people see it and can answer it. Returns the run, which belongs to it. */
export function openIncidentForRun(world: World, run: Run, rule: Rule, context: DecisionContext): Run {
  const labels = copyLabels({});
  const incident = openIncident(
    world,
    {
      rule: rule.name,
      groupKey: hash('sha256', JSON.stringify([rule.name, 'run', run.id]), 'hex'),
      groupLabels: labels,
      severity: rule.severityOf(labels),
      target: { value: run.target },
    },
    undefined,
    context,
  );
  const began = run.actor === null ? 'by its schedule' : `by ${run.actor}`;
  tell(world, incident.id, context.now, 'note', `${run.target}: run ${run.id} was started ${began}`, { runId: run.id });
  return world.putRun({ ...run, incidentId: incident.id });
}

/** A run without alerts has ended: one that did not end well gets an incident, and the incident of one that did is closed. */
export function settleRunWithoutAlerts(world: World, run: Run, context: DecisionContext): void {
  if (run.lineId !== null || run.outcome === null) return;
  const failed = [...world.stepsOf(run.id).values()].filter(({ state }) => state === 'failed' || state === 'unknown');
  const endedWell = ENDED_WELL.includes(run.outcome);
  const isWell = endedWell && !failed.some(({ address }) => isFinally(address));
  const incident = run.incidentId === null ? undefined : world.incident(run.incidentId);
  if (isWell) {
    if (incident !== undefined && incident.status !== 'resolved' && incident.firing === 0)
      closeIncident(world, incident, 'resolved', context.now, context);
    return;
  }
  // The end of a run with an incident has told people already.
  const rule = context.claimedRule(run) ?? context.rules.byName(run.rule);
  if (run.incidentId !== null || rule === undefined) return;
  const known = openIncidentForRun(world, run, rule, context);
  const reason = endedWell ? 'finally_failed' : (run.reason ?? run.outcome);
  const steps = failed.map(({ id, error }) => `${id}: ${error?.message ?? 'nobody can tell'}`);
  const text = [`${run.target}: the run ended ${run.outcome} (${reason})`, ...steps].join('; ');
  escalate(world, known.incidentId, reason, text, context, run.id);
}
