import { createSlidingWindow } from '../slack-and-pagerduty/sliding-window.ts';
import type { SlackArguments } from './read-arguments.ts';
import type { SlackRateLimits } from './types.ts';
import type { Channel, Workspace } from './workspace.ts';

// docs.slack.dev/apis/web-api/rate-limits; 50 a minute is Tier 3, chat.update's.
const SLACKS_OWN: SlackRateLimits = {
  posts: { count: 1, periodMs: 1_000 },
  updates: { count: 50, periodMs: 60_000 },
};

/** The seconds a call has to wait, or nothing when it may go on. */
export type RateLimiter = (method: string, args: SlackArguments) => number | undefined;

export function createRateLimiter(limits: boolean | SlackRateLimits, { channels }: Workspace): RateLimiter {
  if (limits === false) return () => undefined;
  const rates = limits === true ? SLACKS_OWN : limits;
  const posts = createSlidingWindow(rates.posts.count, rates.posts.periodMs);
  const updates = createSlidingWindow(rates.updates.count, rates.updates.periodMs);
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
