import type { Clock } from '../domain/clock.ts';
import { NotifyError } from '../domain/notifier.ts';
import { whenAborted } from './when-aborted.ts';

const ATTEMPT_MS = 15_000;

/**
 * One request within its time. Throws what it throws, and `NotifyError` with the code `late`, which says what is known of
 * one that does not answer, also when `stop` ends it.
 */
export async function attempt<T>(
  clock: Clock,
  stop: AbortSignal,
  late: 'passing' | 'unknown',
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using timeout = clock.timeout(ATTEMPT_MS, stop);
  const { signal } = timeout;
  const isLate = whenAborted(signal).then(() => {
    throw new NotifyError(late, `no answer within ${ATTEMPT_MS / 1_000} s`);
  });
  try {
    return await Promise.race([work(signal), isLate]);
  } catch (error) {
    // Of a request that was ended by us a library says what it likes.
    if (!signal.aborted || error instanceof NotifyError) throw error;
    throw new NotifyError(late, `no answer within ${ATTEMPT_MS / 1_000} s`, { cause: error });
  }
}
