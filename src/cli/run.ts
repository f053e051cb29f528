import { callApi } from './api-client.ts';
import { CliError } from './cli-error.ts';
import type { RunOptions } from './dry-run.ts';
import { textOf } from './incident.ts';
import { parsePairs, type ApiOptions } from './options.ts';

/** Has the daemon start a rule that may be started by hand. Returns the exit status. */
export async function runOnDaemon(
  name: string,
  options: RunOptions & ApiOptions,
  print: (text: string) => void,
): Promise<number> {
  if (options.label.length > 0) throw new CliError(2, '--label is for dry runs; a run by hand takes --param and --target');
  const answer = await callApi(options, 'POST', '/api/v1/runs', {
    rule: name,
    params: { ...parsePairs(options.param, '--param') },
    ...(options.target === undefined ? {} : { target: options.target }),
  });
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
  return 0;
}
