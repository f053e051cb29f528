import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './demo-error.ts';

const POLL_MS = 100;

/** Asks until the answer is something; rejects with a `DemoError` when that takes too long. */
export async function waitUntil<T>(what: string, ask: () => Promise<T | undefined>, withinMs: number): Promise<T> {
  const endsAt = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endsAt) throw new DemoError(`waited ${String(withinMs / 1000)} s in vain: ${what}`);
    await delay(POLL_MS);
  }
}
