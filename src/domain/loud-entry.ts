import type { Incident, TimelineEntry } from './state.ts';

/** The reason of an entry that tells of an alert, or of a higher severity, in an incident that a person has taken. */
export const LOUD_REASON = 'acknowledged';

/**
 * Whether people are called to look at this entry of the story, and do not just find it: an escalation, a late update, or
 * what makes an acknowledged incident worse. What is over is told, but nobody is called for it any more.
 */
export function isLoud(entry: Pick<TimelineEntry, 'kind' | 'reason'>, incident: Pick<Incident, 'status'>): boolean {
  if (incident.status === 'resolved') return false;
  switch (entry.kind) {
    case 'escalated':
    case 'reminder':
      return true;
    case 'alert_joined':
    case 'severity':
      return entry.reason === LOUD_REASON;
    default:
      return false;
  }
}
