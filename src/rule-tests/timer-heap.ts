interface Timer {
  readonly at: number;
  readonly serial: number;
  readonly fire: () => void;
  state: 'waiting' | 'fired' | 'stopped';
}

/** The timers that wait, as a binary heap: setting one and taking the next costs the logarithm of their number. */
export class TimerHeap {
  readonly #timers: Timer[] = [];
  #serial = 0;
  #waiting = 0;

  /** How many wait. */
  get size(): number {
    return this.#waiting;
  }

  /** When the next one fires; `Infinity` when none waits. */
  get nextAt(): number {
    this.#dropStopped();
    return this.#timers[0]?.at ?? Infinity;
  }

  /** Sets a timer. Those of one instant fire in the order in which they were set. The result stops it, unless it has fired. */
  set(at: number, fire: () => void): () => void {
    const timer: Timer = { at, serial: (this.#serial += 1), fire, state: 'waiting' };
    this.#waiting += 1;
    this.#push(timer);
    return () => {
      if (timer.state !== 'waiting') return;
      timer.state = 'stopped';
      this.#waiting -= 1;
    };
  }

  /** Takes the next timer out, for its caller to fire. */
  take(): { readonly at: number; readonly fire: () => void } | undefined {
    this.#dropStopped();
    const next = this.#pop();
    if (next === undefined) return undefined;
    next.state = 'fired';
    this.#waiting -= 1;
    return next;
  }

  /** Stopped ones stay until they come up: taking them out of the middle would cost a search. */
  #dropStopped(): void {
    while (this.#timers[0]?.state === 'stopped') this.#pop();
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let place = timers.length;
    timers.push(timer);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = timers[above];
      if (parent === undefined || isBefore(parent, timer)) break;
      timers[place] = parent;
      place = above;
    }
    timers[place] = timer;
  }

  #pop(): Timer | undefined {
    const timers = this.#timers;
    const [top] = timers;
    const last = timers.pop();
    if (last === undefined || last === top) return top;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [first, second] = [timers[left], timers[left + 1]];
      if (first === undefined) break;
      const [child, below] = second !== undefined && isBefore(second, first) ? [second, left + 1] : [first, left];
      if (isBefore(last, child)) break;
      timers[place] = child;
      place = below;
    }
    timers[place] = last;
    return top;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.serial < b.serial);
}
