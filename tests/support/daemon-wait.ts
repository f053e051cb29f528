import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** What a wait may be told: how long at most, and what to add to the error when that was not enough. */
export interface WaitOptions {
  /** In milliseconds; 45 s unless given. */
  readonly withinMs?: number;
  readonly explain?: () => string;
}

/** Asks until `probe` gives something other than `undefined`, and returns it; rejects when the time is up. */
export async function waitUntil<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  { withinMs = 45_000, explain }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`waited ${String(withinMs)} ms in vain until ${what}\n${explain?.() ?? ''}`);
    }
    await delay(POLL_MS);
  }
}
