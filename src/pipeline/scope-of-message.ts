import { sharedLabels, type AlertMessage, type Labels } from '../domain/alert.ts';
import type { AlertView, Scope } from '../domain/scope.ts';
import type { Incident } from '../domain/state.ts';

const NO_INCIDENT = { id: '', severity: '', status: '', started_at: 0 };

/** What a rule's own texts see when an alert comes in; without a message, when a person starts it by hand. */
export function scopeOfMessage(
  message: AlertMessage | undefined,
  group: Labels,
  now: number,
  incident?: Pick<Incident, 'id' | 'severity' | 'status' | 'startedAt'>,
): Scope {
  const alert = message === undefined ? undefined : viewOf(message);
  return {
    labels: alert?.labels ?? sharedLabels([]),
    annotations: alert?.annotations ?? sharedLabels([]),
    ...(alert === undefined ? {} : { alert }),
    alerts: alert === undefined ? [] : [alert],
    group,
    incident:
      incident === undefined
        ? { ...NO_INCIDENT, started_at: now }
        : { id: incident.id, severity: incident.severity, status: incident.status, started_at: incident.startedAt },
    params: {},
    steps: {},
    run: { id: '', attempt: 1, failed: false, actor: '' },
    now,
  };
}

function viewOf({ status, labels, annotations, fingerprint, startsAt }: AlertMessage): AlertView {
  return { status, labels, annotations, fingerprint, starts_at: startsAt };
}
