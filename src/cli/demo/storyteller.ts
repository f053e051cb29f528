import { lastingMessages } from './lasting-messages.ts';
import type { PeopleMessage } from './people-message.ts';
import type { FollowedIncident, Tell } from './stage.ts';

const KIND_WIDTH = 14;
/** Told as Slack shows it, not in the words of the timeline. */
const QUESTION = 'approval_asked';

/** Tells the story of one incident, each part of it once. */
export class Storyteller {
  readonly #tell: Tell;
  readonly #messages: readonly PeopleMessage[];
  readonly #toldMessages = new Set<PeopleMessage>();
  #toldEntries = 0;

  /** The messages may become more meanwhile. */
  constructor(tell: Tell, messages: readonly PeopleMessage[]) {
    this.#tell = tell;
    this.#messages = messages;
  }

  /** What is new in its timeline. */
  tellTimeline({ timeline }: FollowedIncident): void {
    for (const { at, kind, text } of timeline.slice(this.#toldEntries)) {
      this.#toldEntries += 1;
      if (kind !== QUESTION) this.#tell('remedyd', `${kind.replaceAll('_', ' ').padEnd(KIND_WIDTH)}  ${text}`, new Date(at));
    }
  }

  /** What its messages have come to say; with `Infinity` also what they say since a moment ago. */
  tellMessages({ id }: FollowedIncident, now: number): void {
    const messages = this.#messages.filter(({ incidentId }) => incidentId === id);
    for (const message of lastingMessages(messages, now)) {
      if (this.#toldMessages.has(message)) continue;
      this.#toldMessages.add(message);
      this.#tell(message.channel, `${message.place}  ${message.text}`, message.at);
    }
  }
}
