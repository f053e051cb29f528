import type { IncidentNews } from '../../domain/notifier.ts';
import { readableDuration } from '../../domain/readable-duration.ts';
import type { Notification } from '../../domain/state.ts';
import { instant, mention, mrkdwn, type Mrkdwn } from './mrkdwn.ts';

/** Where the incident stands and who has it: what a person reads first. */
export function statusLines({ detail, phase, ownerSlackId }: IncidentNews, purpose: Notification['purpose']): readonly Mrkdwn[] {
  const { incident, approvals } = detail;
  const isOpen = incident.status !== 'resolved';
  const waiting = approvals.filter((approval) => approval.state === 'open').length;
  const lines: Mrkdwn[] = [];
  if (isOpen && incident.status === 'triggered' && (purpose === 'page' || incident.escalationLevel > 0))
    lines.push(mrkdwn`*This needs a person.*`);
  if (isOpen && waiting > 0)
    lines.push(mrkdwn`*${waiting} ${waiting === 1 ? 'approval waits' : 'approvals wait'} for an answer.*`);
  lines.push(PHASE_LINES[phase](incident, waiting > 0));
  if (incident.status === 'acknowledged') {
    const since = incident.acknowledgedAt === null ? mrkdwn`` : mrkdwn` since ${instant(incident.acknowledgedAt)}`;
    lines.push(
      mrkdwn`Taken by *${incident.acknowledgedBy ?? 'somebody'}*${calling(ownerSlackId)}${since}. ${yielded(detail.runs)}`,
    );
  }
  if (isOpen && incident.responseMissed && incident.status === 'triggered') lines.push(mrkdwn`Nobody acknowledged it in time.`);
  if (isOpen && incident.notifyOnly)
    lines.push(mrkdwn`No automation here: a person resolved the incident before this one while its alerts fired.`);
  if (incident.truncatedAlerts > 0) lines.push(truncated(incident.truncatedAlerts));
  return lines;
}

function truncated(count: number): Mrkdwn {
  return count === 1
    ? mrkdwn`Alertmanager left out 1 alert: it is unseen, and its target untouched.`
    : mrkdwn`Alertmanager left out ${count} alerts: they are unseen, and their targets untouched.`;
}

type Incident = IncidentNews['detail']['incident'];

const PHASE_LINES: Readonly<Record<IncidentNews['phase'], (incident: Incident, isWaiting: boolean) => Mrkdwn>> = {
  investigating: ({ closedAs }) =>
    closedAs === 'stale'
      ? mrkdwn`*Investigating*: nobody speaks of its alerts any more.`
      : mrkdwn`*Investigating*: nothing is being changed.`,
  identified: (_, isWaiting) =>
    isWaiting ? mrkdwn`*Identified*: the automation has begun, and waits.` : mrkdwn`*Identified*: the automation is at work.`,
  monitoring: () => mrkdwn`*Monitoring*: what was to be done is done, and it is being watched.`,
  resolved: (incident) => describeClosing(incident),
};

function describeClosing({ closedAs, startedAt, resolvedAt }: Incident): Mrkdwn {
  const after = resolvedAt === null ? '' : ` after ${readableDuration(Math.max(0, resolvedAt - startedAt))}`;
  switch (closedAs) {
    case 'stale':
      return mrkdwn`*Closed as stale*${after}: nobody spoke of its alerts any more. That does not say that they are gone.`;
    case 'dismissed':
      return mrkdwn`*Dismissed*${after}: a person closed it; its alerts may still fire.`;
    case 'resolved':
    case null:
      return mrkdwn`*Resolved*${after}: all alerts have resolved.`;
  }
}

function calling(userId: string | undefined): Mrkdwn {
  return userId === undefined ? mrkdwn`` : mrkdwn` ${mention(userId)}`;
}

function yielded(runs: IncidentNews['detail']['runs']): string {
  const isAtWork = runs.some((run) => run.state !== 'ended' && run.startedAt !== null);
  return isAtWork ? 'What was under way goes on; apart from that automation has yielded.' : 'Automation has yielded.';
}
