import { createSlidingWindow } from '../slack-and-pagerduty/sliding-window.ts';
import type { SlackArguments } from './read-arguments.ts';
import type { SlackRateLimits } from './types.ts';
import type { Channel, Workspace } from './workspace.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

// docs.slack.dev/apis/web-api/rate-limits; 50 a minute is Tier 3, chat.update's.
const SLACKS_OWN: SlackRateLimits = { postsPerSecond: 1, updatesPerMinute: 50 };

/** The seconds a call has to wait, or nothing when it may go on. */
export type RateLimiter = (method: string, args: SlackArguments) => number | undefined;

export function createRateLimiter(limits: boolean | SlackRateLimits, { channels }: Workspace): RateLimiter {
  if (limits === false) return () => undefined;
  const { postsPerSecond, updatesPerMinute } = limits === true ? SLACKS_OWN : limits;
  const posts = createSlidingWindow(postsPerSecond, SECOND_MS);
  const updates = createSlidingWindow(updatesPerMinute, MINUTE_MS);
  return (method, args) => {
    if (method === 'chat.postMessage') return posts.take(channelKey(channels, args['channel']));
    return method === 'chat.update' ? updates.take('') : undefined;
  };
}

/** One key for a channel, whether it is given by id or by name. */
function channelKey(channels: readonly Channel[], given: unknown): string {
  const found = channels.find(({ id, name }) => given === id || given === name || given === `#${name}`);
  return found?.id ?? JSON.stringify(given);
}
