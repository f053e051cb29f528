/** Time as the daemon sees it. Everything that waits, retries or times out uses this port, so that tests own the time. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May step backwards. */
  now(): number;
  /** Milliseconds since some fixed instant of this process. Never steps backwards. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts with a `TimeoutError` after `ms`, or when `parent` aborts. Dispose it to stop its timer. */
  timeout(ms: number, parent?: AbortSignal): { readonly signal: AbortSignal } & Disposable;
}
