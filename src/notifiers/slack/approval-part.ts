import type { Approval, IntendedStep } from '../../domain/state.ts';
import { ACTION_IDS } from './action-ids.ts';
import { actions, button, section, type Block } from './blocks.ts';
import type { Part } from './fit-parts.ts';
import { code, instant, join, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';

const STEPS_SHOWN = 10;

/** A question to people: what would be done, who may allow it, until when. Only the first one is never left out. */
export function approvalPart(approval: Approval, target: string, rank: number, isFirst: boolean): Part {
  const question = mrkdwn`*Approval needed* for ${code(target)}: ${shortened(approval.why, 240)}`;
  const buttons = answerButtons(approval, target);
  const short = [section([question, whoMay(approval), ...describeIntent(approval.intent, 1)], 1_200), buttons];
  return {
    rank,
    forms: [
      [section([question, whoMay(approval), untilWhen(approval), ...describeIntent(approval.intent, STEPS_SHOWN)]), buttons],
      short,
      ...(isFirst ? [] : [[]]),
    ],
  };
}

/** The first steps, and how many more there are: nobody allows what she was not told of. */
function describeIntent(intent: readonly IntendedStep[], max: number): readonly Mrkdwn[] {
  const left = intent.length - max;
  const more = left > 0 ? [mrkdwn`… and ${left} further ${left === 1 ? 'step' : 'steps'}`] : [];
  return [...intent.slice(0, max).map(describeIntended), ...more];
}

function describeIntended(step: IntendedStep, index: number): Mrkdwn {
  const connection = step.connection === null ? mrkdwn`` : mrkdwn` on ${code(step.connection, 60)}`;
  return mrkdwn`${index + 1}. ${shortened(step.summary, 240)} (${code(step.uses, 60)}${connection})`;
}

function whoMay({ roles, count, approvedBy, excluded }: Approval): Mrkdwn {
  const who =
    roles.length === 0
      ? mrkdwn`every responder`
      : join(
          roles.slice(0, 10).map((role) => code(role, 60)),
          ', ',
        );
  const soFar = approvedBy.length === 0 ? '' : `, so far ${approvedBy.join(', ')}`;
  const number = count === 1 ? mrkdwn`one person` : mrkdwn`${approvedBy.length} of ${count} people${soFar}`;
  const except = excluded === null ? mrkdwn`` : mrkdwn`, not ${excluded}, who started it`;
  return mrkdwn`Who may: ${who} (${number})${except}.`;
}

function untilWhen({ timeoutAt, expiresAt, onTimeout }: Approval): Mrkdwn {
  return onTimeout === 'cancel'
    ? mrkdwn`Until ${instant(timeoutAt)}; without an answer the run is cancelled.`
    : mrkdwn`Until ${instant(timeoutAt)}, then it escalates; it can be answered until ${instant(expiresAt)}.`;
}

function answerButtons(approval: Approval, target: string): Block {
  const intent = `${target}: ${approval.intent.map((step) => step.summary).join('; ')}`;
  return actions([
    button({
      actionId: ACTION_IDS.approve,
      label: 'Approve',
      value: approval.id,
      style: 'primary',
      confirm: { title: 'Approve this?', text: intent, yes: 'Approve' },
    }),
    button({
      actionId: ACTION_IDS.reject,
      label: 'Reject',
      value: approval.id,
      style: 'danger',
      confirm: { title: 'Reject this?', text: `Not to be done: ${intent}`, yes: 'Reject', isDangerous: true },
    }),
  ]);
}
