import { access, constants, glob } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { runProcess } from '../run-process.ts';

/** Where packages put the programs of each version: Debian's and Red Hat's. The system's own folders come after them. */
const PATTERNS = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin'];
const SYSTEM_FOLDERS = ['/usr/local/bin', '/usr/bin'];
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ClientProgram {
  readonly path: string;
  readonly major: number;
}

/** What every program gets of our environment, which holds our secrets: nothing. */
export const BARE_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: SYSTEM_PATH, HOME: homedir(), LANG: 'C.UTF-8' };

/**
 * The `pg_dump` or `pg_restore` for a server of version `serverMajor`: of the same version, or else of the next newer one there
 * is. Both refuse servers that are newer than they are. Fails with `unavailable`, and says what to install.
 */
export async function findClientProgram(
  name: 'pg_dump' | 'pg_restore',
  serverMajor: number,
  context: Pick<StepContext, 'clock' | 'signal'>,
  directories?: readonly string[],
): Promise<ClientProgram> {
  const programs: ClientProgram[] = [];
  for (const directory of directories ?? (await listDirectories())) {
    const path = join(directory, name);
    const major = await readMajor(path, context);
    if (major === serverMajor) return { path, major };
    if (major !== undefined) programs.push({ path, major });
  }
  const [best] = programs.filter(({ major }) => major > serverMajor).sort((a, b) => a.major - b.major);
  if (best !== undefined) return best;
  const found = programs.map(({ path, major }) => `${path} is of version ${major}`).join(', ');
  throw new StepError(
    'unavailable',
    `the server is PostgreSQL ${serverMajor}, and there is no ${name} here that is as new (${found === '' ? 'none at all' : found}); install postgresql-client-${serverMajor}`,
    { happened: 'nothing' },
  );
}

async function listDirectories(): Promise<readonly string[]> {
  const found = await Array.fromAsync(glob(PATTERNS));
  return [...found, ...SYSTEM_FOLDERS];
}

async function readMajor(path: string, context: Pick<StepContext, 'clock' | 'signal'>): Promise<number | undefined> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const request = { argv: [path, '--version'], environment: BARE_ENVIRONMENT };
  const { stdout } = await runProcess(request, context.clock, context.signal);
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout.toString())?.[1];
  return major === undefined ? undefined : Number(major);
}
