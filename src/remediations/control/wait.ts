import { formatDuration } from '../../domain/duration.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { createStopError } from '../stop-error.ts';

/** Lets time pass before the next step. Ends early, as a failure, when the run is cancelled. */
export const wait = defineRemediation({
  name: 'wait',
  summary: 'Waits for a fixed time before the next step.',
  notes:
    'Needs no rights and no connection. To wait *for something*, put `expect` and `within` on a reading step instead: that ends as soon as it is true. ' +
    "The step's `timeout` has to be longer than `for`.",
  connection: undefined,
  params: {
    for: { type: 'duration', required: true, description: 'How long to wait, e.g. `30s`.' },
  },
  outputs: {
    waited: { type: 'duration', description: 'How long the step waited, by a clock that never steps back.' },
  },
  example: { waited: 30_000 },
  effect: () => 'read',
  inDoubt: 'repeat',

  plan(params, context) {
    const forMs = params.for;
    if (forMs >= context.timeoutMs) {
      const message = `cannot wait for ${formatDuration(forMs)}: the step's timeout is ${formatDuration(context.timeoutMs)}; raise \`timeout\``;
      return Promise.reject(new StepError('invalid_value', message, { happened: 'nothing' }));
    }
    return Promise.resolve({
      summary: `wait for ${formatDuration(forMs)}`,
      identity: { for: forMs },
      touches: [],
      data: { forMs },
    });
  },

  async run(plan, { clock, signal }) {
    const startedAt = clock.monotonic();
    try {
      await clock.sleep(plan.data.forMs, signal);
    } catch {
      throw createStopError(signal, 'the wait', 'nothing');
    }
    return { waited: Math.round(clock.monotonic() - startedAt) };
  },
});
