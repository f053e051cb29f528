import type { Notification, Run } from '../domain/state.ts';
import { tell } from './story.ts';
import type { World } from './world.ts';

/**
 * A run whose `cancel_window` is over starts also when its announcement has reached nobody; then its story says so, for
 * those who ask why they could not cancel it.
 */
export function noteUnheardAnnouncement(world: World, run: Run, now: number): void {
  if (run.announcedAt === null || run.incidentId === null) return;
  const places = world.notificationsOf(run.incidentId);
  if (places.length === 0 || !places.every(isUnheard)) return;
  const names = places.map(({ channel, place }) => `${channel} ${place}`).join(', ');
  tell(world, run.incidentId, now, 'note', `${run.target}: it starts although its announcement has reached nobody (${names})`, {
    runId: run.id,
    reason: 'cancel_window',
  });
}

/** Whether a place is owed something that it cannot be told just now. */
function isUnheard({ isDead, wanted, toldVersion, told, attempts }: Notification): boolean {
  return isDead || (toldVersion < wanted && (told === null || attempts > 0));
}
