import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { callApi } from './api-client.ts';
import { CliError } from './cli-error.ts';
import type { ApiOptions } from './options.ts';

export interface ReportOptions extends ApiOptions {
  readonly since: string;
}

const markdownAnswer = z.object({ markdown: z.string() });

/** Prints how effective the rules were: Markdown, or with `--json` as the API has it. */
export async function printReport(options: ReportOptions, print: (text: string) => void): Promise<void> {
  if (!parseDuration(options.since)) throw new CliError(2, `--since ${options.since} is not a duration such as 24h or 7d`);
  const query = new URLSearchParams({ since: options.since, format: options.json === true ? 'json' : 'markdown' });
  const answer = await callApi(options, 'GET', `/api/v1/report?${query.toString()}`);
  print(options.json === true ? JSON.stringify(answer, null, 2) : markdownAnswer.parse(answer).markdown.trimEnd());
}
