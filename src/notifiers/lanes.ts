import type { Clock } from '../domain/clock.ts';
import { compareUrgency, type Urgency } from './urgency.ts';

interface Waiting {
  readonly urgency: Urgency;
  readonly admit: () => void;
}

interface Lane {
  /** How many are inside. */
  taken: number;
  /** By the monotonic clock: nobody enters before. */
  freeAt: number;
  /** The most urgent first. */
  readonly waiting: Waiting[];
  /** Whether somebody looks at it again at `freeAt`. */
  isTimed: boolean;
}

/** Queues by name. A lane takes `width` at once, the most urgent first, and rests between two as long as it is told to. */
export class Lanes {
  readonly #clock: Clock;
  readonly #width: number;
  readonly #stop = new AbortController();
  readonly #lanes = new Map<string, Lane>();

  constructor(clock: Clock, width: number) {
    this.#clock = clock;
    this.#width = width;
  }

  /** Resolves when it is one's turn: with `false` at once, with `true` after a wait. Rejects when the lanes are stopped. */
  async enter(name: string, urgency: Urgency): Promise<boolean> {
    this.#stop.signal.throwIfAborted();
    const lane = this.#lane(name);
    if (lane.waiting.length === 0 && this.#isFree(lane)) {
      lane.taken += 1;
      return false;
    }
    await new Promise<void>((resolve, reject) => {
      const after = lane.waiting.findIndex((other) => compareUrgency(urgency, other.urgency) < 0);
      const abort = (): void => reject(this.#stop.signal.reason as Error);
      const admit = (): void => {
        this.#stop.signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#stop.signal.addEventListener('abort', abort, { once: true });
      lane.waiting.splice(after === -1 ? lane.waiting.length : after, 0, { urgency, admit });
      this.#admit(name, lane);
    });
    return true;
  }

  /** Ends one's turn; the next one begins `gapMs` later at the earliest. */
  leave(name: string, gapMs: number): void {
    const lane = this.#lane(name);
    lane.taken -= 1;
    this.#rest(lane, gapMs);
    this.#admit(name, lane);
  }

  /** Nobody enters the lane for so long. */
  block(name: string, ms: number): void {
    this.#rest(this.#lane(name), ms);
  }

  /** Everybody who waits is sent away, and nobody enters any more. */
  stop(): void {
    this.#stop.abort(new DOMException('the delivery stops', 'AbortError'));
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane: Lane = { taken: 0, freeAt: -Infinity, waiting: [], isTimed: false };
    this.#lanes.set(name, lane);
    return lane;
  }

  #rest(lane: Lane, ms: number): void {
    if (ms > 0) lane.freeAt = Math.max(lane.freeAt, this.#clock.monotonic() + ms);
  }

  #isFree(lane: Lane): boolean {
    return lane.taken < this.#width && lane.freeAt <= this.#clock.monotonic();
  }

  #admit(name: string, lane: Lane): void {
    while (lane.waiting.length > 0 && this.#isFree(lane)) {
      lane.taken += 1;
      lane.waiting.shift()?.admit();
    }
    const wait = lane.freeAt - this.#clock.monotonic();
    if (wait > 0) this.#lookAgain(name, lane, wait);
    else if (lane.taken === 0 && lane.waiting.length === 0) this.#lanes.delete(name);
  }

  #lookAgain(name: string, lane: Lane, wait: number): void {
    if (lane.isTimed) return;
    lane.isTimed = true;
    this.#clock.sleep(wait, this.#stop.signal).then(
      () => {
        lane.isTimed = false;
        this.#admit(name, lane);
      },
      () => undefined,
    );
  }
}
