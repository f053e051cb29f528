const WAIT_MS = 15_000;

/** Wakes those who wait for something to become true. */
export interface Changes {
  /** Something changed: everybody who waits looks again. */
  readonly notify: () => void;
  /** Resolves once `isMet` holds; rejects when it throws, or after `timeoutMs`, 15 s unless given. */
  readonly until: (isMet: () => boolean, timeoutMs: number | undefined, explain: () => string) => Promise<void>;
}

/** Creates a bell that nobody waits for yet. */
export function createChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    notify: () => {
      for (const look of [...waiting]) look();
    },
    until: (isMet, timeoutMs = WAIT_MS, explain) =>
      new Promise((resolve, reject) => {
        const end = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const look = (): void => {
          try {
            if (!isMet()) return;
            resolve();
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          end();
        };
        const timer = setTimeout(() => {
          end();
          reject(new Error(`waited ${String(timeoutMs)} ms in vain until ${isMet.toString()}\n${explain()}`));
        }, timeoutMs);
        waiting.add(look);
        look();
      }),
  };
}
