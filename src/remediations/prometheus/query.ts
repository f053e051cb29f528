import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { createApiUrl } from '../requests/api-url.ts';
import { callApi, parseAnswer, type ApiAnswer } from '../requests/call-api.ts';
import { takeWithin } from '../take-within.ts';

const MAX_SAMPLES = 100;
/** Labels are as long as whoever exports them likes. */
const MAX_BYTES = 256 * 1024;
const MAX_WARNINGS = 10;

/** Statuses with an error that says more than the status: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview */
const QUERY_ERRORS = [400, 422, 503];

// An instant and its value as text: `1e3`, `NaN`, `+Inf`.
const point = z.tuple([z.number(), z.string()]);
const series = z.object({ metric: z.record(z.string(), z.string()), value: point });
const answer = z.object({
  data: z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('vector'), result: z.array(series) }),
    z.object({ resultType: z.literal('scalar'), result: point }),
  ]),
  warnings: z.array(z.string()).optional(),
});
const failure = z.object({ errorType: z.string(), error: z.string() });

/** Asks Prometheus for the present value of an expression. */
export const query = defineRemediation({
  name: 'prometheus.query',
  summary: 'Evaluates a PromQL expression now: the value of its only sample, and up to 100 samples with their labels.',
  notes: [
    'Least privilege: `POST /api/v1/query` is all that it asks for. Prometheus has no roles; where it stands behind a proxy, let this path through and give the connection a token for it.',
    '`value` is null unless there is exactly one sample with a finite number. A condition on null does not hold, it fails (`missing_value`): `expect: output.value < 0.8` never succeeds because a series is gone. Test `output.count == 0` where no sample is what you want; write `sum(…)` or `max(…)` where there are several.',
    'The values of `{{ }}` inside `query` are escaped for string literals: in `up{instance="{{ labels.instance }}"}` a label can never be more than that text. Outside of quotes only a name or a number comes through. In a regular expression (`=~`) in quotes it stands for itself, not for a pattern.',
    'The query has the time of the step: Prometheus gives it up then by itself, and the connection is closed.',
  ].join('\n\n'),
  connection: 'prometheus',
  params: {
    query: {
      type: 'string',
      required: true,
      place: 'promql',
      description: 'A PromQL expression with an instant vector or a scalar as its result.',
    },
  },
  outputs: {
    value: {
      type: 'any',
      description: 'The number of the only sample; null without one, with several, and for NaN and infinity.',
    },
    count: { type: 'int', description: 'How many samples there are.' },
    result: {
      type: 'list',
      description: 'Up to 100 samples, 256 KiB together: `{metric, value}`; the value is null for NaN and infinity.',
    },
    warnings: { type: 'list', description: 'What Prometheus warns of, e.g. that a remote read gave only a part.' },
  },
  example: { value: 0.42, count: 1, result: [{ metric: { instance: 'db-1:9100' }, value: 0.42 }], warnings: [] },
  effect: () => 'read',
  inDoubt: 'repeat',

  async plan(params, { connection }) {
    return Promise.resolve({
      summary: `ask Prometheus "${connection.name}" for ${quoteLine(params.query)}`,
      identity: { connection: connection.name, query: params.query },
      touches: [],
      data: { query: params.query },
    });
  },

  async run(plan, { connection, signal, timeoutMs }) {
    // At least a millisecond: 0 would mean Prometheus's own limit of two minutes.
    const form = new URLSearchParams({ query: plan.data.query, timeout: `${Math.max(1, Math.floor(timeoutMs))}ms` });
    const reply = await callApi(
      {
        method: 'POST',
        url: createApiUrl(connection, '/api/v1/query'),
        credentials: connection,
        body: { type: 'application/x-www-form-urlencoded', text: form.toString() },
        isChange: false,
        reads: QUERY_ERRORS,
      },
      signal,
    );
    if (reply.status >= 400) throw createQueryError(reply);
    const { data, warnings = [] } = parseAnswer(answer, reply);
    const samples = data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result;
    const [first, ...others] = samples;
    return {
      value: first === undefined || others.length > 0 ? null : toNumber(first.value[1]),
      count: samples.length,
      result: takeWithin(samples.map(toSample), MAX_SAMPLES, MAX_BYTES),
      warnings: warnings.slice(0, MAX_WARNINGS).map(quoteLine),
    };
  },
});

function toSample({ metric, value }: z.infer<typeof series>): JsonObject {
  return { metric, value: toNumber(value[1]) };
}

function toNumber(text: string): Json {
  const number = Number(text);
  return text !== '' && Number.isFinite(number) ? number : null;
}

function createQueryError(reply: ApiAnswer): StepError {
  const { errorType, error } = parseAnswer(failure, reply);
  const code =
    errorType === 'timeout'
      ? 'timeout'
      : errorType === 'bad_data'
        ? 'invalid_value'
        : reply.status === 503
          ? 'unavailable'
          : 'rejected';
  return new StepError(code, `${reply.what} failed: ${errorType}: ${quoteLine(error)}`, { happened: 'nothing' });
}
