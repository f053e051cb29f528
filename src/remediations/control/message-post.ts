import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { createStopError } from '../stop-error.ts';

const LONGEST_TEXT = 20_000;
const LONGEST_SUMMARY = 80;

/** Says something where the rule's messages go. Acts on no target. */
export const messagePost = defineRemediation({
  name: 'message.post',
  summary: "Posts a text to where the rule's messages go.",
  notes:
    'Needs no rights and no connection: the text goes into the thread of the incident or, where the run has none, to the `notify` of the rule. ' +
    'It is queued, so the step succeeds while Slack is down. After a crash in the middle of the step the same text may be in the thread a ' +
    'second time; without an incident each step says it once.',
  connection: undefined,
  params: {
    text: {
      type: 'string',
      required: true,
      place: 'message',
      description: `What to say; at most ${LONGEST_TEXT} characters, the rest is cut off.`,
    },
  },
  outputs: {
    posted: { type: 'bool', description: 'True: the text was accepted for delivery.' },
  },
  example: { posted: true },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(params) {
    const text = params.text.slice(0, LONGEST_TEXT).toWellFormed();
    return Promise.resolve({ summary: `post "${firstLine(text)}"`, identity: { text }, touches: [], data: { text } });
  },

  async run(plan, context) {
    if (context.signal.aborted) throw createStopError(context.signal, 'posting the message', 'nothing');
    try {
      await context.post(plan.data.text);
    } catch (cause) {
      throw new StepError('unavailable', 'the message could not be queued', { happened: 'unknown', cause });
    }
    return { posted: true };
  },
});

function firstLine(text: string): string {
  const line = text.trimStart().split('\n', 1)[0] ?? '';
  return line.length > LONGEST_SUMMARY ? `${line.slice(0, LONGEST_SUMMARY).toWellFormed()}…` : line;
}
