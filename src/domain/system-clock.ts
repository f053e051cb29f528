import type { Clock } from './clock.ts';

// Node's setTimeout fires at once from 2^31 ms on, so longer waits are made of several.
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The real clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(reasonOf(signal));
      };
      if (signal?.aborted) return reject(reasonOf(signal));
      const cancel = startTimer(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  timeout(ms: number, parent?: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const cancel = startTimer(ms, () => controller.abort(new DOMException(`timed out after ${ms} ms`, 'TimeoutError')));
    const forward = (): void => controller.abort(parent?.reason);
    if (parent?.aborted) forward();
    else parent?.addEventListener('abort', forward, { once: true });
    return {
      signal: controller.signal,
      [Symbol.dispose](): void {
        cancel();
        parent?.removeEventListener('abort', forward);
      },
    };
  }
}

/** Why a signal was aborted; an abort without an error gets one. */
function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error || reason instanceof DOMException ? reason : new DOMException('aborted', 'AbortError');
}

function startTimer(ms: number, fire: () => void): () => void {
  const due = performance.now() + ms;
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const left = due - performance.now();
    if (left <= 0) fire();
    else handle = setTimeout(arm, Math.min(left, LONGEST_TIMEOUT_MS));
  };
  handle = setTimeout(arm, Math.min(Math.max(ms, 0), LONGEST_TIMEOUT_MS));
  return () => clearTimeout(handle);
}
