import type { Told } from './test-daemon.ts';

/** The places that were told, as tests name them: `slack/#ops`, `pagerduty/NAME`. */
export function placesOf(told: readonly Told[]): readonly string[] {
  return [...new Set(told.map(({ channel, place }) => `${channel}/${place}`))];
}
