import type { Clock } from '../domain/clock.ts';
import { formatDuration } from '../domain/duration.ts';
import type { Store } from '../domain/store.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 60 * 60_000;

export interface PauseReminderDeps {
  readonly store: Pick<Store, 'switches'>;
  readonly clock: Clock;
  /** Tells people. */
  readonly onReminder: (text: string) => Promise<void>;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Reminds people every hour that nothing is remediated: a pause is easily forgotten. */
export function createPauseReminder({ store, clock, onReminder, onFault }: PauseReminderDeps): Loop {
  const work = async (): Promise<void> => {
    const { pausedAt, pausedBy, pauseReason } = await store.switches();
    if (pausedAt === null) return;
    const since = formatDuration(Math.max(0, Math.round((clock.now() - pausedAt) / 1_000) * 1_000));
    const why = pauseReason === null ? '' : `: ${pauseReason}`;
    await onReminder(`paused for ${since} by ${pausedBy ?? 'nobody known'}${why}; nothing starts until: remedyd resume`);
  };
  return new Loop({ name: 'pause reminder', everyMs: INTERVAL_MS, clock, work, onFault });
}
