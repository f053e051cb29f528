import type { Switches } from '../../domain/state.ts';
import type { StoreCounts } from '../../domain/store.ts';

/** How the daemon is, a line for each thing. */
export function describeStatus(
  { pausedAt, pausedUntil, pausedBy, pauseReason, stormSince }: Switches,
  { openIncidents, runsActive, runsHeld, breakersOpen }: StoreCounts,
  { isAccepting, rules }: { readonly isAccepting: boolean; readonly rules: number },
): string {
  const open = openIncidents.map(({ severity, status, count }) => `${count} ${severity} ${status}`);
  const held = runsHeld.map(({ reason, count }) => `${count} held (${reason})`);
  return [
    isAccepting ? `working, with ${rules} rules` : 'starting or stopping',
    pausedAt === null
      ? 'not paused'
      : `paused by ${pausedBy ?? 'somebody'}${pausedUntil === null ? '' : ` until ${new Date(pausedUntil).toISOString()}`}${pauseReason === null ? '' : `: ${pauseReason}`}`,
    ...(stormSince === null ? [] : [`storm since ${new Date(stormSince).toISOString()}`]),
    `open incidents: ${open.length === 0 ? 'none' : open.join(', ')}`,
    `runs: ${[`${runsActive} at work`, ...held].join(', ')}`,
    ...(breakersOpen === 0 ? [] : [`open breakers: ${breakersOpen}`]),
  ].join('\n');
}
