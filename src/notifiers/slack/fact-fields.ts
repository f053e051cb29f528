import type { IncidentNews } from '../../domain/notifier.ts';
import { readableDuration } from '../../domain/readable-duration.ts';
import { instant, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';

/** The facts of the incident, each as a title and a value. */
export function factFields({ detail: { incident, alerts } }: IncidentNews): readonly Mrkdwn[] {
  const { startedAt, resolvedAt, escalationLevel, updateDueAt, status, firing, severity } = incident;
  const isOpen = status !== 'resolved';
  return [
    mrkdwn`*Severity*\n${severity}`,
    mrkdwn`*Started*\n${instant(startedAt)}`,
    ...(isOpen || resolvedAt === null ? [] : [mrkdwn`*Lasted*\n${readableDuration(Math.max(0, resolvedAt - startedAt))}`]),
    ...(isOpen ? [mrkdwn`*Alerts firing*\n${firing} of ${Math.max(firing, alerts.length)}`] : []),
    ...(escalationLevel > 0 ? [mrkdwn`*Escalated*\n${escalationLevel === 1 ? 'once' : `${escalationLevel} times`}`] : []),
    ...(isOpen && updateDueAt !== null ? [mrkdwn`*Next update due*\n${instant(updateDueAt)}`] : []),
  ];
}

/** The lines that the rule or people added, as such fields. */
export function namedFields(lines: IncidentNews['fields'], max: number): readonly Mrkdwn[] {
  return lines.map(({ name, value }) => mrkdwn`*${shortened(name, 80)}*\n${shortened(value, max)}`);
}
