import { statfs } from 'node:fs/promises';
import { StepError, type StepContext } from '../domain/remediation.ts';
import { blockBytesOf } from './block-bytes.ts';

/** What a backup leaves of a disk, which others need too: so much, or so large a share of a small one. */
const LEAST_FREE_BYTES = 256 * 2 ** 20;
const LEAST_FREE_SHARE = 0.05;
const LOOK_EVERY_MS = 1_000;

/** Fails (`rejected`) when the disk of a directory is nearly full: less than 256 MiB and less than 5% of it are free. Throws Node's errors. */
export async function requireRoom(directory: string): Promise<void> {
  const found = await statfs(directory);
  const blockBytes = blockBytesOf(found);
  if (found.bavail * blockBytes >= Math.min(LEAST_FREE_BYTES, found.blocks * blockBytes * LEAST_FREE_SHARE)) return;
  const message = `${JSON.stringify(directory)}: the disk is nearly full; free some space. What was written is removed`;
  throw new StepError('rejected', message, { happened: 'nothing' });
}

/** Does work that writes into a directory, and aborts it when the disk is nearly full. */
export async function whileThereIsRoom<T>(
  directory: string,
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const full = new AbortController();
  const done = new AbortController();
  const watch = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await requireRoom(directory);
      await clock.sleep(LOOK_EVERY_MS, done.signal).catch(() => undefined);
    }
  };
  const watched = watch().catch((error: unknown) => {
    full.abort();
    return error;
  });
  try {
    return await work(AbortSignal.any([signal, full.signal]));
  } catch (error) {
    throw full.signal.aborted ? await watched : error;
  } finally {
    done.abort();
    await watched;
  }
}
