import { Secret } from '../../domain/secret.ts';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { hideSecrets } from '../hide-secrets.ts';
import type { OutputTail } from '../output-tail.ts';
import { quoteLine } from '../quote-line.ts';
import { runProcess } from '../run-process.ts';
import { createClientEnvironment } from './client-environment.ts';
import { BARE_ENVIRONMENT, type ClientProgram } from './client-program.ts';

/**
 * Runs a program of PostgreSQL on a database of the connection, or on none, and returns the end of its output. Fails with `rejected`, or
 * `permission_denied`, and what it said first; `advice` is put behind a missing right. On abort its process group is killed.
 */
export async function runClientProgram(
  program: ClientProgram,
  args: readonly string[],
  database: string | undefined,
  context: StepContext<'postgres'>,
  advice: string,
): Promise<OutputTail> {
  const { connection, clock, signal } = context;
  const environment = database === undefined ? BARE_ENVIRONMENT : createClientEnvironment(connection, database, program.major);
  const result = await runProcess({ argv: [program.path, ...args], environment }, clock, signal);
  if (result.exitCode === 0) return result.stdout;
  const secrets = [connection.url, ...(environment['PGPASSWORD'] === undefined ? [] : [new Secret(environment['PGPASSWORD'])])];
  const said = quoteLine(hideSecrets(firstComplaint(result.stderr.toString()), secrets));
  const isForbidden = /permission denied|must be (?:owner|superuser)|row-level security/.test(said);
  throw new StepError(
    isForbidden ? 'permission_denied' : 'rejected',
    `PostgreSQL "${connection.name}": ${said === '' ? `${program.path} failed` : said}${isForbidden ? `; ${advice}` : ''}`,
    { happened: 'unknown' },
  );
}

/** The first error; what follows may quote rows. */
function firstComplaint(stderr: string): string {
  const lines = stderr.split('\n');
  return lines.find((line) => /\b(?:error|ERROR|FATAL):/.test(line)) ?? lines.find((line) => line !== '') ?? '';
}
