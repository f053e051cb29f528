import { sharedLabels } from '../domain/alert.ts';
import { UNSUCCESSFUL } from '../domain/reason.ts';
import type { Scope } from '../domain/scope.ts';
import type { Run } from '../domain/state.ts';

/** What a run's expressions see. Labels are those that all its frozen alerts share. */
export function scopeOfRun(run: Run, now: number): Scope {
  const alerts = run.frozen?.alerts ?? [];
  const [first] = alerts;
  return {
    labels: sharedLabels(alerts.map((alert) => alert.labels)),
    annotations: sharedLabels(alerts.map((alert) => alert.annotations)),
    ...(first === undefined ? {} : { alert: first }),
    alerts,
    group: run.frozen?.group ?? sharedLabels([]),
    incident: {
      id: run.incidentId ?? '',
      severity: run.frozen?.severity ?? '',
      status: run.frozen?.incidentStatus ?? '',
      started_at: run.frozen?.incidentStartedAt ?? run.createdAt,
    },
    params: run.params,
    steps: {},
    run: {
      id: run.id,
      attempt: run.attempt,
      failed: run.ending !== null && UNSUCCESSFUL.includes(run.ending.outcome),
      actor: run.actor ?? '',
    },
    now,
  };
}
