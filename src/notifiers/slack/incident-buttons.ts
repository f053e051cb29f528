import type { JsonObject } from '../../domain/json.ts';
import type { Approval, Incident, Line, Run } from '../../domain/state.ts';
import { ACTION_IDS, SILENCE_DURATIONS } from './action-ids.ts';
import { button, menu } from './blocks.ts';

const SETTLED: readonly Run['outcome'][] = ['verified', 'completed', 'self_resolved'];

/** What can be done about the incident as a whole. Of a resolved one only the story can be asked for. */
export function incidentButtons(incident: Incident): readonly JsonObject[] {
  const { id, status } = incident;
  const why = button({ actionId: ACTION_IDS.why, label: 'Why?', value: id });
  if (status === 'resolved') return [why];
  return [
    ...(status === 'triggered' ? [button({ actionId: ACTION_IDS.ack, label: 'Acknowledge', value: id, style: 'primary' })] : []),
    button({ actionId: ACTION_IDS.escalate, label: 'Escalate', value: id }),
    menu(
      ACTION_IDS.silence,
      'Silence for …',
      SILENCE_DURATIONS.map((duration) => ({ label: duration, value: duration })),
    ),
    button({
      actionId: ACTION_IDS.resolve,
      label: 'Resolve',
      value: id,
      style: 'danger',
      confirm: {
        title: 'Resolve the incident?',
        text: 'It is closed although its alerts may still fire. Automation leaves them alone until they have resolved.',
        yes: 'Resolve',
        isDangerous: true,
      },
    }),
    why,
  ];
}

/** What can be done about one run: nothing where an approval asks for it already, or where it is over and well. */
export function runButtons(
  incident: Incident,
  run: Run,
  line: Line | undefined,
  waiting: Approval | undefined,
): readonly JsonObject[] {
  if (incident.status === 'resolved' || waiting !== undefined) return [];
  const value = `${incident.id}/${run.id}`;
  const cancel = button({
    actionId: ACTION_IDS.cancel,
    label: 'Cancel',
    value,
    confirm: { title: 'Cancel the run?', text: cancelText(run), yes: 'Cancel the run', isDangerous: true },
  });
  const retry = button({ actionId: ACTION_IDS.retry, label: 'Retry', value });
  switch (run.state) {
    case 'pending':
    case 'held':
      return [...passButtons(run, value), cancel];
    case 'running':
    case 'verifying':
      return [cancel];
    case 'ended': {
      const isNewest = line === undefined || line.runId === run.id;
      return [...(isNewest && !SETTLED.includes(run.outcome) ? [retry] : []), ...(run.quarantined ? [cancel] : [])];
    }
  }
}

/** What lets a run pass the gate that holds it, where a person's word is enough. */
function passButtons({ reason, target }: Run, value: string): readonly JsonObject[] {
  switch (reason) {
    case 'delay':
    case 'cancel_window':
      return [button({ actionId: ACTION_IDS.runNow, label: 'Run now', value })];
    case 'storm':
    case 'unconfirmed':
      return [
        button({
          actionId: ACTION_IDS.approve,
          label: 'Approve',
          value,
          style: 'primary',
          confirm: {
            title: 'Let it run?',
            text: `${target}: it passes gate ${reason}; the other gates are asked.`,
            yes: 'Approve',
          },
        }),
      ];
    default:
      return [];
  }
}

function cancelText(run: Run): string {
  if (run.quarantined)
    return `${run.target}: nobody can tell whether the change happened. Cancel once you have looked: it frees the target.`;
  return `${run.target}: what is under way is stopped, and the steps that clean up run. There is no further attempt in this episode.`;
}
