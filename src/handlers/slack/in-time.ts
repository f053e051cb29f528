import type { Clock } from '../../domain/clock.ts';
import { StoreUnavailableError } from '../../domain/store.ts';
import type { CommandAnswer, PipelineEvent } from '../../pipeline/event.ts';
import { NotRecordedError, OverloadedError } from '../../pipeline/pipeline.ts';
import type { SlackInDeps } from './slack-in-deps.ts';

/** How long what cannot be withdrawn any more may still take before its end is called unknown. */
const LAST_MOMENT_MS = 100;

/** The time for an answer is over. */
export class TooLateError extends Error {
  readonly code = 'too_late';
}

/** What the work gives, or a `TooLateError` when the signal aborts first; the work goes on unheard then. */
export async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(new TooLateError('the store does not answer'));
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Applies a person's command. When the signal aborts first, it is withdrawn; the text says whether it counts. */
export async function applyInTime(
  { pipeline, clock }: { readonly pipeline: Pick<SlackInDeps['pipeline'], 'apply' | 'isAccepting'>; readonly clock: Clock },
  event: PipelineEvent,
  signal: AbortSignal,
): Promise<CommandAnswer> {
  if (!pipeline.isAccepting) return notRecorded('remedyd starts or stops');
  try {
    const answer = await lastMoment(pipeline.apply(event, { signal }), clock, signal);
    return answer ?? { ok: true, text: 'done' };
  } catch (error) {
    if (error instanceof TooLateError) return { ok: false, code: 'conflict', text: 'not known yet; the message will show it' };
    if (error instanceof NotRecordedError) return notRecorded('the store does not answer');
    if (error instanceof StoreUnavailableError || error instanceof OverloadedError) return notRecorded(error.message);
    throw error;
  }
}

/** A withdrawal is heard after the signal: it has a moment. */
async function lastMoment<T>(work: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const late = new AbortController();
  const startClock = (): void => void clock.sleep(LAST_MOMENT_MS).then(() => late.abort());
  if (signal.aborted) startClock();
  else signal.addEventListener('abort', startClock, { once: true });
  try {
    return await inTime(work, late.signal);
  } finally {
    signal.removeEventListener('abort', startClock);
  }
}

function notRecorded(why: string): CommandAnswer {
  return { ok: false, code: 'conflict', text: `not recorded: ${why}; try again` };
}
