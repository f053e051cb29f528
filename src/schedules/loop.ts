import type { Clock } from '../domain/clock.ts';

export interface LoopOptions {
  /** For faults, e.g. `retention`. */
  readonly name: string;
  readonly everyMs: number;
  readonly clock: Clock;
  /** One round. The signal aborts when the loop stops. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Work that is done at once and then again and again: rounds never overlap, and a failed one does not end the loop. */
export class Loop {
  readonly #options: LoopOptions;
  #stopped: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** May be called twice. */
  start(): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = new AbortController();
    this.#running = this.#run(this.#stopped.signal);
  }

  /** Resolves once the round that is under way has ended. May be called twice, and without a start. */
  async stop(): Promise<void> {
    this.#stopped?.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { everyMs, clock, work } = this.#options;
    while (!signal.aborted) {
      try {
        await work(signal);
      } catch (error) {
        this.#report(error, signal);
      }
      try {
        await clock.sleep(everyMs, signal);
      } catch {
        return;
      }
    }
  }

  /** What breaks because the loop stops is no fault. */
  #report(error: unknown, signal: AbortSignal): void {
    const { name, onFault } = this.#options;
    if (!signal.aborted) onFault(`${name} failed; it is tried again`, error);
  }
}
