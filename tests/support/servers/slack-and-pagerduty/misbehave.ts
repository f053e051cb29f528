import { setTimeout as delay } from 'node:timers/promises';
import type { Misbehaviour } from './faults.ts';
import type { VendorAnswer } from './vendor-listener.ts';

/** Answers as `apply` says, except for what the fault spoils; `cut` means that the connection ends without an answer. */
export async function misbehave(
  fault: Misbehaviour | undefined,
  apply: () => VendorAnswer,
  stopped: AbortSignal,
): Promise<VendorAnswer | 'cut'> {
  if (fault === undefined) return apply();
  if (fault === 'cut_before') return 'cut';
  if (fault === 'cut_after') {
    apply();
    return 'cut';
  }
  if ('slowMs' in fault) {
    const answer = apply();
    return delay(fault.slowMs, answer, { signal: stopped }).catch(() => 'cut' as const);
  }
  const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  return { status: fault.status, headers, body: fault.body ?? '' };
}
