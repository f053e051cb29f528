import type { IncidentDetailView } from '../incident-view.ts';

type WaitingRun = Pick<IncidentDetailView['runs'][number], 'target' | 'approval'>;

/** What a run asks people, in the words of its message in Slack; `undefined` when it asks nothing. */
export function questionText({ target, approval }: WaitingRun): string | undefined {
  if (approval?.state !== 'open') return undefined;
  const { why, roles, count, timeout_at: timeoutAt, intent } = approval;
  return [
    `Approval needed for ${target}: ${why}`,
    `Who may: ${roles.length === 0 ? 'every responder' : roles.join(', ')} (${count === 1 ? 'one person' : `${String(count)} people`}). Until ${timeoutAt.slice(11, 16)} UTC.`,
    ...intent.map(({ summary, uses }, index) => `${String(index + 1)}. ${summary} (${uses})`),
    '[ Approve ]  [ Reject ]',
  ].join('\n');
}
