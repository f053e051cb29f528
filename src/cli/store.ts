import { checkStore } from '../create-store.ts';
import { StoreUnavailableError, type AuditCheck } from '../domain/store.ts';
import { formatProblem } from '../schema/problem.ts';
import { CliError } from './cli-error.ts';
import { loadWorld, type WorldSource } from './load-world.ts';

/** Says whether the store's file is sound and its audit log is what was written. Returns the exit status. */
export async function checkStoreOf(source: WorldSource, print: (text: string) => void): Promise<0 | 1> {
  // Without its rules: a store can be checked while they are broken.
  const { loaded, problems } = await loadWorld({ ...source, rulePaths: [] });
  if (loaded === undefined) throw new CliError(1, problems.map(formatProblem).join('\n'));
  const { path } = loaded.settings.store;
  if (path === ':memory:') throw new CliError(2, 'the configured store is in memory: there is no file to check');
  const { faults, audit } = await check(path);
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  print(
    `${path}: ${first === undefined ? 'the file is sound' : `damaged: ${first.replaceAll('\n', ' ')}${more}: restore a backup`}`,
  );
  print(`audit log: ${describeAudit(audit)}`);
  return first === undefined && audit.broken === undefined ? 0 : 1;
}

async function check(path: string): ReturnType<typeof checkStore> {
  try {
    return await checkStore(path);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw new CliError(1, error.message);
    throw error;
  }
}

function describeAudit({ entries, head, broken }: AuditCheck): string {
  const holds = `${entries} ${entries === 1 ? 'entry' : 'entries'}${head === null ? '' : `, head ${head}`}`;
  return broken === undefined ? holds : `broken at entry ${broken.position}: ${broken.why}; before it: ${holds}`;
}
