import type { AlertMessage } from '../domain/alert.ts';
import type { Episode } from '../domain/state.ts';
import { LAST_SEEN_PRECISION_MS } from './timing.ts';

/** How many firing alerts are remembered. Those that are forgotten cost a look into the store, and nothing else. */
const MAX_KNOWN = 20_000;

type Known = Pick<Episode, 'startsAt' | 'lastSeenAt' | 'rulesDigest'>;

/** Whether a repeat of a firing alert says anything that is not on disk already. */
export function saysSomethingNew(
  known: Known,
  message: Pick<AlertMessage, 'startsAt'>,
  now: number,
  rulesDigest: string,
): boolean {
  return (
    known.startsAt !== message.startsAt ||
    known.rulesDigest !== rulesDigest ||
    Math.abs(now - known.lastSeenAt) >= LAST_SEEN_PRECISION_MS
  );
}

/**
 * Alerts that fire and are on disk, as this process last committed them. Most webhooks are repeats; those whose alerts
 * are all known, and say nothing new, are answered from here. Only sound while no other process writes the store.
 */
export class KnownAlerts {
  readonly #known = new Map<string, Known>();

  /** What was committed. The oldest are forgotten first. */
  remember(episodes: Iterable<Episode>): void {
    for (const episode of episodes) {
      if (!episode.current) continue;
      this.#known.delete(episode.alertKey);
      if (episode.status === 'firing' && episode.absentSince === null) {
        this.#known.set(episode.alertKey, {
          startsAt: episode.startsAt,
          lastSeenAt: episode.lastSeenAt,
          rulesDigest: episode.rulesDigest,
        });
      }
    }
    for (const key of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(key);
    }
  }

  isRepeat(alertKey: string, message: AlertMessage, now: number, rulesDigest: string): boolean {
    const known = this.#known.get(alertKey);
    return message.status === 'firing' && known !== undefined && !saysSomethingNew(known, message, now, rulesDigest);
  }
}
