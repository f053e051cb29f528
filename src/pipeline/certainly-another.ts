import { SLACK_STRANGER } from '../domain/slack-stranger.ts';
import type { DecisionContext } from './decision-context.ts';

/**
 * Whether two names are certainly those of two people. Somebody who is known by a Slack user id alone may be anybody
 * whose own id is not configured, or was not when the other name was taken.
 */
export function isCertainlyAnother(one: string, other: string, { slackIdOf }: Pick<DecisionContext, 'slackIdOf'>): boolean {
  if (one === other) return false;
  const idOf = (person: string): string | undefined =>
    isStranger(person) ? person.slice(SLACK_STRANGER.length) : slackIdOf(person);
  const [id, otherId] = [idOf(one), idOf(other)];
  if (id !== undefined && otherId !== undefined) return id !== otherId;
  return !isStranger(one) && !isStranger(other);
}

function isStranger(person: string): boolean {
  return person.startsWith(SLACK_STRANGER);
}
