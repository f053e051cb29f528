import type { PeopleMessage } from './people-message.ts';

/** Who looks at a message sees what stands there for so long. */
const LASTS_MS = 200;

/** Of the messages so far, those that somebody could have read: not what the next update replaced at once, nothing twice in a row. */
export function lastingMessages(messages: readonly PeopleMessage[], now: number): readonly PeopleMessage[] {
  return [...Map.groupBy(messages, ({ channel, place, incidentId }) => `${channel} ${place} ${incidentId}`).values()]
    .flatMap((ofPlace) => {
      const lasting = ofPlace.filter(({ at }, index) => (ofPlace[index + 1]?.at.getTime() ?? now) - at.getTime() >= LASTS_MS);
      return lasting.filter(({ text }, index) => text !== lasting[index - 1]?.text);
    })
    .toSorted((a, b) => a.at.getTime() - b.at.getTime());
}
