import type { IncidentDetailView } from '../incident-view.ts';

type Run = IncidentDetailView['runs'][number];

/** The question of a run that waits for an approval, as Slack shows it; `undefined` when it asks nothing. */
export function questionText({ target, approval }: Run): string | undefined {
  if (approval?.state !== 'open') return undefined;
  const { why, roles, count, timeout_at: timeoutAt, intent } = approval;
  return [
    `Approval needed for ${target}: ${why}`,
    `Who may: ${roles.length === 0 ? 'every responder' : roles.join(', ')} (${count === 1 ? 'one person' : `${String(count)} people`}). Until ${timeoutAt.slice(11, 16)} UTC.`,
    ...intent.map(({ summary, uses }, index) => `${String(index + 1)}. ${summary} (${uses})`),
    '[ Approve ]  [ Reject ]',
  ].join('\n');
}
