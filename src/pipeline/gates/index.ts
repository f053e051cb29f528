import { acknowledged } from './acknowledged.ts';
import { blastRadius } from './blast-radius.ts';
import { breakerOpen } from './breaker-open.ts';
import { cancelWindow } from './cancel-window.ts';
import { causeFiring } from './cause-firing.ts';
import { concurrency } from './concurrency.ts';
import { cooldown } from './cooldown.ts';
import { delay } from './delay.ts';
import type { Gate } from './gate.ts';
import { muted } from './muted.ts';
import { observeMode } from './observe-mode.ts';
import { paused } from './paused.ts';
import { rateLimited } from './rate-limited.ts';
import { silenced } from './silenced.ts';
import { storm } from './storm.ts';
import { targetBusy } from './target-busy.ts';
import { unconfirmed } from './unconfirmed.ts';

/** The gates in the order in which they are judged; the first that blocks gives the reason. */
export const gates: readonly Gate[] = [
  paused,
  observeMode,
  muted,
  silenced,
  unconfirmed,
  causeFiring,
  acknowledged,
  storm,
  breakerOpen,
  rateLimited,
  cooldown,
  targetBusy,
  blastRadius,
  concurrency,
  delay,
  cancelWindow,
];
