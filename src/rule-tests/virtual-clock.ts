import type { Clock } from '../domain/clock.ts';
import { TimerHeap } from './timer-heap.ts';

/** More timers than this without an end are a loop. */
const MAX_TIMERS = 1_000_000;

/**
 * A clock whose time passes only when its owner says so. Before each timer everything that can go on without time does,
 * real input and output included as long as it is held.
 */
export class VirtualClock implements Clock {
  /** What the wall clock is ahead of the monotonic one. */
  #offset: number;
  #elapsed = 0;
  readonly #timers = new TimerHeap();
  readonly #held = new Set<Promise<unknown>>();

  /** Starts at this instant, in epoch milliseconds. */
  constructor(startAt = Date.UTC(2026, 0, 1)) {
    this.#offset = startAt;
  }

  now(): number {
    return this.#offset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const end = await new Promise<'time' | 'abort'>((resolve) => {
      const stop = this.#at(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve('time');
      });
      const abort = (): void => {
        stop();
        resolve('abort');
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
    if (end === 'abort') signal?.throwIfAborted();
  }

  timeout(ms: number, parent?: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const stop = this.#at(ms, () => controller.abort(new DOMException(`timed out after ${ms} ms`, 'TimeoutError')));
    const forward = (): void => controller.abort(parent?.reason);
    if (parent?.aborted) forward();
    else parent?.addEventListener('abort', forward, { once: true });
    return {
      signal: controller.signal,
      [Symbol.dispose](): void {
        stop();
        parent?.removeEventListener('abort', forward);
      },
    };
  }

  /** Time stands still while this real work (a server's answer, a commit) is under way. Returns the work. */
  hold<T>(work: Promise<T>): Promise<T> {
    this.#held.add(work);
    const release = (): void => void this.#held.delete(work);
    work.then(release, release);
    return work;
  }

  /** Lets this much time pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await this.run(() => this.#timers.nextAt > until);
    this.#elapsed = until;
    await this.#settle();
  }

  /** Lets time pass until this holds; without it until no timer is left. Throws when nothing can make it true any more. */
  async run(until?: () => boolean): Promise<void> {
    for (let count = 0; count < MAX_TIMERS; count += 1) {
      await this.#settle();
      if (until?.() === true) return;
      const timer = this.#timers.nextAt === Infinity ? undefined : this.#timers.take();
      if (timer === undefined) {
        if (until === undefined) return;
        throw new Error('no timer is left, and what is waited for is not so');
      }
      this.#elapsed = timer.at;
      timer.fire();
    }
    throw new Error(`the clock never comes to rest: ${MAX_TIMERS} timers fired`);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock forwards or backwards, as a person or NTP may; timers do not notice. */
  stepWallClock(ms: number): void {
    this.#offset += ms;
  }

  /** A timer of an endless wait never fires, and can be stopped like any other. */
  #at(ms: number, fire: () => void): () => void {
    return this.#timers.set(this.#elapsed + Math.max(0, ms), fire);
  }

  /** Lets everything go on that needs no time: promises, and the real work that is held. */
  async #settle(): Promise<void> {
    do {
      if (this.#held.size > 0) await Promise.race(this.#held).catch(() => undefined);
      await new Promise<void>((resolve) => setImmediate(resolve));
    } while (this.#held.size > 0);
  }
}
