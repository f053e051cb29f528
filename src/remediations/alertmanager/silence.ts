import { z } from 'zod';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, type StepContext } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { createApiUrl } from '../requests/api-url.ts';
import { callApi, parseAnswer } from '../requests/call-api.ts';
import { CREATED_BY, createComment, silencePayload, toMatcherPayload, type SilencePayload } from './alertmanager-silence.ts';
import { listAlerts } from './list-alerts.ts';
import { formatMatchers, parseStepMatchers, requireNarrow } from './silence-matchers.ts';

const LONGEST_MS = 4 * 3_600_000;
/** How long a request that nobody waits for any more may still be on its way. */
const IN_FLIGHT_MS = 10_000;
const LOOK_AGAIN_MS = 2_000;

const createdAnswer = z.object({ silenceID: z.string().min(1) });

interface SilenceData {
  readonly [key: string]: Json;
  /** As they print, each to be parsed again. */
  readonly matchers: readonly string[];
  readonly durationMs: number;
  readonly comment: string;
}

/** Silences alerts that a repair is expected to cause. */
export const silence = defineRemediation({
  name: 'alertmanager.silence',
  summary: 'Silences the alerts that a repair is expected to cause, at most 4 hours; it is removed at the end of the run.',
  notes: [
    'Alertmanager has no roles: whoever may ask it at all may silence everything. Put a proxy with credentials before it, and let remedyd have `GET /api/v2/alerts`, `GET` and `POST /api/v2/silences`, `GET` and `DELETE /api/v2/silence/*`.',
    'Every playbook that has such a step gets a step `expire_ID` at the end of its `finally`, which removes the silence when the run ends, also after a failure or a cancel. If remedyd dies meanwhile, or the run ends `interrupted`, the silence ends by itself after `duration`: keep that short.',
    'Refused with `not_allowed`: a silence that matches an alert of the run, which must stay visible to tell whether the repair helped, and one that matches nearly everything. Write every value in double quotes: `instance="{{ labels.instance }}"`. There, also in a regular expression (`=~`), the value of `{{ }}` stands for itself.',
    'The Alertmanagers of a cluster tell each other of silences within seconds; a connection names one of them. Alertmanagers that are not clustered each need a step of their own.',
  ].join('\n\n'),
  connection: 'alertmanager',
  params: {
    matchers: {
      type: 'list',
      required: true,
      place: 'matcher',
      description: 'Matchers, one in each entry, e.g. `alertname="TargetDown"`; all of them have to match. At most 20.',
    },
    duration: {
      type: 'duration',
      required: true,
      min: 1_000,
      max: LONGEST_MS,
      description: 'After which it ends by itself; at most 4 hours.',
    },
    comment: { type: 'string', description: 'Why, for the people who see it. The run and the step are named anyway.' },
  },
  outputs: {
    id: { type: 'string', description: 'The id of the silence.' },
    ends_at: { type: 'timestamp', description: 'When it ends by itself.' },
  },
  example: { id: '5b2d7a1e-0c7c-4a54-9b1f-7e2d7a6b9f10', ends_at: '2026-11-21T03:00:00.000Z' },
  effect: () => 'change',
  inDoubt: 'look',

  async plan({ matchers: entries, duration, comment }, context) {
    const { connection, alerts, signal } = context;
    const matchers = parseStepMatchers(entries);
    requireNarrow(matchers, alerts);
    const texts = matchers.map(String);
    const hidden = await listAlerts(connection, matchers, signal);
    const data: SilenceData = {
      matchers: texts,
      durationMs: duration,
      comment: createComment(context.runId, context.stepId, comment === undefined ? undefined : quoteLine(comment)),
    };
    return {
      summary: `silence ${formatMatchers(matchers)} in Alertmanager "${connection.name}" for ${formatDuration(duration)} (${hidden.length} firing now)`,
      identity: { connection: connection.name, matchers: [...texts].sort(), duration_ms: duration },
      // Silences of different alerts do not get in each other's way.
      touches: [`alertmanager:${connection.name}/${[...texts].sort().join(',')}`],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { connection, clock, alerts, signal } = context;
    const matchers = parseStepMatchers(plan.data.matchers);
    // Alerts that joined the run since it was planned have to stay visible, too.
    requireNarrow(matchers, alerts);
    const now = clock.now();
    const endsAt = new Date(now + plan.data.durationMs).toISOString();
    const order = {
      matchers: matchers.map(toMatcherPayload),
      startsAt: new Date(now).toISOString(),
      endsAt,
      createdBy: CREATED_BY,
      comment: plan.data.comment,
    };
    const answer = await callApi(
      {
        method: 'POST',
        url: createApiUrl(connection, '/api/v2/silences'),
        credentials: connection,
        body: { type: 'application/json', text: JSON.stringify(order) },
        isChange: true,
      },
      signal,
    );
    return { id: parseAnswer(createdAnswer, answer, 'unknown').silenceID, ends_at: endsAt };
  },

  async look(plan, startedAt, context) {
    // The comment names the run and the very round of its step.
    const found = (await listSilences(context)).find(
      (each) => each.createdBy === CREATED_BY && each.comment === plan.data.comment && each.status.state !== 'expired',
    );
    if (found !== undefined) {
      return { state: 'done', output: { id: found.id, ends_at: new Date(found.endsAt).toISOString() } };
    }
    return context.clock.now() < startedAt + IN_FLIGHT_MS ? { state: 'wait', ms: LOOK_AGAIN_MS } : { state: 'not_done' };
  },
});

async function listSilences({ connection, signal }: StepContext<'alertmanager'>): Promise<readonly SilencePayload[]> {
  const url = createApiUrl(connection, '/api/v2/silences');
  const answer = await callApi({ method: 'GET', url, credentials: connection, isChange: false }, signal);
  return parseAnswer(z.array(silencePayload), answer);
}
