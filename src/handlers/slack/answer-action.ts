import type { Actor, PipelineEvent } from '../../pipeline/event.ts';
import { refusedAct } from '../refused-act.ts';
import { describeWhy } from './describe-why.ts';
import { applyInTime, inTime } from './in-time.ts';
import { parseSilenceChoice, silenceIncident } from './silence-incident.ts';
import type { SlackInDeps } from './slack-in-deps.ts';
import type { SlackAction } from './slack-request.ts';

/** Does what a button or menu says, and gives the answer for who used it. */
export async function answerAction(deps: SlackInDeps, request: SlackAction, actor: Actor, signal: AbortSignal): Promise<string> {
  const { store } = deps;
  const { action, value, blockId } = request;
  const apply = async (event: PipelineEvent): Promise<string> => (await applyInTime(deps, event, signal)).text;
  const { incidentId, run } = parseSubject(value);
  if (action !== 'why' && actor.role === 'viewer') {
    const text = `${actor.person} has the role viewer, which only looks`;
    return apply(refusedAct(actor, action, value, text));
  }
  switch (action) {
    case 'ack':
      return apply({ kind: 'acknowledge', incidentId, actor });
    case 'escalate':
    case 'resolve':
      return apply({ kind: action, incidentId, actor });
    case 'cancel':
      return apply({ kind: 'cancel', incidentId, actor, ...run });
    case 'run_now':
    case 'retry':
      return apply({ kind: 'retry', incidentId, actor, ...run });
    case 'approve':
    case 'reject': {
      // Of a run that a gate holds: no question was asked, and there is no id of one.
      if (run.runId !== undefined) return apply({ kind: action, incidentId, isAtGate: true, actor, ...run });
      const approval = await inTime(store.approval(value), signal);
      if (approval === undefined) return 'that question is gone; look at the incident for what it asks now';
      return apply({
        kind: action,
        incidentId: approval.incidentId,
        runId: approval.runId,
        approvalId: approval.id,
        actor,
      });
    }
    case 'silence': {
      // A menu's option is the duration alone; the block around it has the incident's id.
      const choice = parseSilenceChoice(blockId, value);
      return choice === undefined ? 'choose how long to silence' : silenceIncident(deps, choice, actor, signal);
    }
    case 'why': {
      const detail = await inTime(store.incidentDetail(incidentId), signal);
      return detail === undefined ? `there is no incident ${incidentId}` : describeWhy(detail);
    }
  }
}

/** What a button carries: an incident, and after a slash the run that is meant. */
function parseSubject(value: string): { readonly incidentId: string; readonly run: { readonly runId?: string } } {
  const [incidentId = '', runId] = value.split('/');
  return { incidentId, run: runId === undefined || runId === '' ? {} : { runId } };
}
