import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { callApi } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { textOf } from './incident.ts';
import type { ApiOptions } from './options.ts';
import { formatTable } from './print-incident.ts';

type Output = (text: string) => void;

export interface PauseOptions extends ApiOptions {
  readonly for?: string;
  readonly reason?: string;
}

export async function pauseDaemon(options: PauseOptions, print: Output): Promise<void> {
  if (options.for !== undefined && parseDuration(options.for) === undefined)
    throw new CliError(2, `--for ${options.for} is not a duration such as 30m or 4h`);
  const body = {
    ...(options.for === undefined ? {} : { for: options.for }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const answer = await callApi(options, 'POST', '/api/v1/pause', body);
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

export async function resumeDaemon(options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'POST', '/api/v1/resume', {});
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

const breakersAnswer = z.object({
  breakers: z.array(
    z.object({
      rule: z.string(),
      opened_at: z.string().nullable(),
      rearmed_at: z.string().nullable(),
      rearmed_by: z.string().nullable(),
    }),
  ),
});

export async function listBreakers(options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'GET', '/api/v1/breakers');
  if (options.json === true) {
    print(JSON.stringify(answer, null, 2));
    return;
  }
  const { breakers } = breakersAnswer.parse(answer);
  if (breakers.length === 0) {
    print('no breaker has ever opened');
    return;
  }
  print(
    formatTable(
      ['RULE', 'STATE', 'SINCE', 'LAST RE-ARMED BY'],
      breakers.map((breaker) => [
        breaker.rule,
        breaker.opened_at === null ? 'closed' : 'open',
        breaker.opened_at ?? breaker.rearmed_at ?? '',
        breaker.rearmed_by ?? '',
      ]),
    ),
  );
}

export async function rearmBreaker(rule: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'POST', `/api/v1/breakers/${encodeURIComponent(rule)}/rearm`, {});
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}
