import type { MuteTimes } from '../domain/rule.ts';
import type { NamedInterval } from './rule-settings.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;

const NEVER_MUTED: MuteTimes = { isMuted: () => false, unmutedAt: (at) => at };

/** When automation is muted: inside one of `muted`, or outside of all `active` ones when there are any. */
export function createMuteTimes(muted: readonly NamedInterval[], active: readonly NamedInterval[]): MuteTimes {
  if (muted.length === 0 && active.length === 0) return NEVER_MUTED;
  return new IntervalMuteTimes(muted, active);
}

class IntervalMuteTimes implements MuteTimes {
  readonly #muted: readonly NamedInterval[];
  readonly #active: readonly NamedInterval[];
  // A muted rule is asked again and again, and a year of minutes takes a while.
  #found: { readonly from: number; readonly until: number; readonly unmuted: number | undefined } | undefined;

  constructor(muted: readonly NamedInterval[], active: readonly NamedInterval[]) {
    this.#muted = muted;
    this.#active = active;
  }

  isMuted(at: number): boolean {
    if (this.#muted.some((interval) => interval.contains(at))) return true;
    return this.#active.length > 0 && !this.#active.some((interval) => interval.contains(at));
  }

  unmutedAt(at: number): number | undefined {
    if (!this.isMuted(at)) return at;
    if (this.#found !== undefined && this.#found.from <= at && at < this.#found.until) return this.#found.unmuted;
    const unmuted = this.#findUnmuted(at);
    this.#found = { from: at, until: unmuted ?? at + DAY_MS, unmuted };
    return unmuted;
  }

  /** Intervals begin and end at full minutes. */
  #findUnmuted(from: number): number | undefined {
    const end = from + YEAR_MS;
    for (let at = (Math.floor(from / MINUTE_MS) + 1) * MINUTE_MS; at <= end; at += MINUTE_MS) {
      if (!this.isMuted(at)) return at;
    }
    return undefined;
  }
}
