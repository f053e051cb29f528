import type { DecisionContext } from './decision-context.ts';
import type { PipelineEvent } from './event.ts';
import { endEpisode } from './incident.ts';
import { ABSENCE_MS, WAKE_BATCH } from './timing.ts';
import type { World } from './world.ts';

/**
 * What a look at every configured Alertmanager says of the alerts that fire here. Absent is not resolved: an alert is
 * closed only when two looks at least a minute apart miss it. Silenced or inhibited is not resolved either.
 */
export function reconcile(world: World, event: Extract<PipelineEvent, { kind: 'reconciled' }>, context: DecisionContext): void {
  const { now } = context;
  let hasChanged = false;
  for (const look of event.looks) {
    const episode = world.currentEpisode(look.alertKey);
    if (episode?.status !== 'firing') continue;
    if (look.seen === 'absent') {
      if (episode.absentSince === null) world.putEpisode({ ...episode, absentSince: now });
      else if (now - episode.absentSince >= ABSENCE_MS) endEpisode(world, episode, now, 'reconciled', context);
      continue;
    }
    const suppressed = look.seen === 'suppressed';
    if (suppressed === episode.suppressed && episode.absentSince === null && episode.unconfirmedUntil === null) continue;
    world.putEpisode({ ...episode, suppressed, absentSince: null, unconfirmedUntil: null });
    hasChanged = true;
  }
  if (event.complete) world.putSwitches({ ...world.switches, reconciledAt: now });
  if (hasChanged || event.complete) world.wakeHeld(['silenced', 'unconfirmed'], WAKE_BATCH, now);
}

/** Alerts that nobody has spoken of for too long: closed as stale, never as verified. */
export function closeStale(world: World, alertKeys: readonly string[], context: DecisionContext): void {
  for (const alertKey of alertKeys) {
    const episode = world.currentEpisode(alertKey);
    if (episode?.status !== 'firing' || context.now - episode.lastSeenAt < context.limits.staleAfterMs) continue;
    endEpisode(world, episode, context.now, 'stale', context);
  }
}
