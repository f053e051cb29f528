import { formatDuration } from '../../domain/duration.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { createStopError } from '../stop-error.ts';

/** Tells people what automation did, where the rule's messages go: for daily and weekly reports. Acts on no target. */
export const reportPost = defineRemediation({
  name: 'report.post',
  summary: "Posts what automation did and whether it helped to where the rule's messages go.",
  notes:
    'Needs no rights and no connection. The text is the short form of `remedyd report`: incidents, pages avoided, what was verified, ' +
    'what did not help, what was held back, times to acknowledge and to resolve, targets that need a real fix, objectives that were missed. ' +
    'It goes where `message.post` puts a text, and may be there a second time after a crash as that.',
  connection: undefined,
  params: {
    since: { type: 'duration', default: '24h', min: 60_000, description: 'How far back' },
    rules: { type: 'string', pattern: '[a-z0-9-]+', description: 'Only rules whose names begin with this, e.g. `orders-`' },
  },
  outputs: {
    text: { type: 'string', description: 'What was posted' },
    incidents: { type: 'int', description: 'Incidents that began in that time' },
    acted: { type: 'int', description: 'Runs that changed something' },
    verified: { type: 'int', description: 'Runs that were verified, whether they had changed something or not' },
  },
  example: { text: 'What automation did: …', incidents: 3, acted: 2, verified: 2 },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan({ since, rules }) {
    const about = rules === undefined ? '' : ` of the rules ${rules}*`;
    return Promise.resolve({
      summary: `post the report${about} since ${formatDuration(since)}`,
      identity: { since, rules: rules ?? null },
      touches: [],
      data: { since, rules: rules ?? null },
    });
  },

  async run({ data: { since, rules } }, context) {
    if (context.signal.aborted) throw createStopError(context.signal, 'posting the report', 'nothing');
    try {
      const { text, incidents, acted, verified } = await context.report(since, rules ?? '');
      await context.post(text);
      return { text, incidents, acted, verified };
    } catch (cause) {
      throw new StepError('unavailable', 'the report could not be made or queued', { happened: 'unknown', cause });
    }
  },
});
