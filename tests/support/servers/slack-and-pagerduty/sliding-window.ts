/** Lets a number of things through in any period of this length, for each key. */
export interface SlidingWindow {
  /** Counts one more and returns nothing, or refuses it and returns the seconds to wait, rounded up. */
  readonly take: (key: string) => number | undefined;
}

export function createSlidingWindow(limit: number, periodMs: number): SlidingWindow {
  const takenAt = new Map<string, number[]>();
  return {
    take: (key) => {
      const now = performance.now();
      const recent = (takenAt.get(key) ?? []).filter((at) => at > now - periodMs);
      takenAt.set(key, recent);
      const [oldest] = recent;
      if (oldest === undefined || recent.length < limit) {
        recent.push(now);
        return undefined;
      }
      return Math.max(1, Math.ceil((oldest + periodMs - now) / 1_000));
    },
  };
}
