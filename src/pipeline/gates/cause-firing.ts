import type { Labels } from '../../domain/alert.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds while an alert of `unless_firing` fires: the cause is elsewhere. */
export const causeFiring: Gate = {
  name: 'cause_firing',
  forReads: false,
  overridable: true,
  forSchedules: 'skip',
  judge({ run, rule }, world) {
    if (rule.unlessFiring.length === 0) return PROCEED;
    const own = world.memberAlerts
      .filter((alert) => alert.incidentId === run.incidentId && alert.lineTarget === run.target)
      .map((alert) => alert.content.labels);
    for (const cause of rule.unlessFiring) {
      const firing = world.firingAlerts.find(
        (alert) =>
          alert.status === 'firing' &&
          cause.matches(alert.labels) &&
          own.every((labels) => cause.equal.every((name) => value(labels, name) === value(alert.labels, name))),
      );
      if (firing !== undefined) return { verdict: 'hold', detail: `${firing.alertname} is firing` };
    }
    return PROCEED;
  },
};

function value(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
}
