import * as z from 'zod';
import type { MethodTable, SlackMethod } from './method-table.ts';
import type { SlackArguments } from './read-arguments.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackMessage } from './types.ts';
import { wireChannel, wireMessage } from './wire-shapes.ts';
import { shownIn, threadOf } from './workspace.ts';

const MAX_NAME = 80;
const MAX_TOPIC = 250;

const text = z.string().catch('');
const list = text.transform((value) => value.split(',').filter((item) => item !== ''));
const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(999).catch(100),
  cursor: z.coerce.number().int().catch(0),
  oldest: text,
  latest: text,
  inclusive: z.union([z.boolean(), z.stringbool()]).catch(false),
  include_all_metadata: z.union([z.boolean(), z.stringbool()]).catch(false),
});

const history: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const page = pageOf(shownIn(channel).toReversed(), args);
  const messages = page.items.map((message) => wireMessage(workspace, channel, message, page.withMetadata));
  return { messages, has_more: page.hasMore, ...page.rest };
};

const replies: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const [parent, ...answers] = threadOf(channel, text.parse(args['ts']));
  if (parent === undefined) throw new SlackRefusal('thread_not_found');
  const page = pageOf(answers, args);
  const messages = [parent, ...page.items].map((message) => wireMessage(workspace, channel, message, page.withMetadata));
  return { messages, has_more: page.hasMore, ...page.rest };
};

const create: SlackMethod = (args, { workspace }) => {
  const name = text.parse(args['name']);
  if (name === '') throw new SlackRefusal('invalid_name_required');
  if (name.length > MAX_NAME) throw new SlackRefusal('invalid_name_maxlength');
  if (!/^[\p{Ll}\p{Lo}\p{N}_-]+$/u.test(name)) throw new SlackRefusal('invalid_name_specials');
  if (workspace.channels.some((channel) => channel.name === name)) throw new SlackRefusal('name_taken');
  return { channel: wireChannel(workspace.createChannel(name)) };
};

const invite: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const users = list.parse(args['users']);
  if (users.length === 0) throw new SlackRefusal('no_user');
  if (users.some((user) => !workspace.users.has(user))) throw new SlackRefusal('user_not_found');
  if (users.includes(workspace.botUserId)) throw new SlackRefusal('cant_invite_self');
  const isEverybodyIn = users.every((user) => channel.members.includes(user));
  if (isEverybodyIn) throw new SlackRefusal('already_in_channel');
  channel.members.push(...users.filter((user) => !channel.members.includes(user)));
  return { channel: wireChannel(channel) };
};

const setTopic: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const topic = text.parse(args['topic']);
  if (topic.length > MAX_TOPIC) throw new SlackRefusal('too_long');
  channel.topic = topic;
  return { channel: wireChannel(channel) };
};

const open: SlackMethod = (args, { workspace }) => {
  const [user, ...others] = list.parse(args['users']);
  if (user === undefined) throw new SlackRefusal('users_list_not_supplied');
  if (others.length > 0) throw new SlackRefusal('method_not_supported_for_channel_type');
  return { channel: wireChannel(workspace.direct(user)) };
};

const info: SlackMethod = (args, { workspace }) => ({ channel: wireChannel(workspace.channelById(args['channel'])) });

const listChannels: SlackMethod = (args, { workspace }) => {
  const page = pageOf(
    workspace.channels.filter((channel) => channel.directWith === undefined),
    args,
  );
  return { channels: page.items.map(wireChannel), ...page.rest };
};

/** Methods around channels and what is in them. */
export const conversationMethods: MethodTable = {
  'conversations.history': history,
  'conversations.replies': replies,
  'conversations.create': create,
  'conversations.invite': invite,
  'conversations.setTopic': setTopic,
  'conversations.open': open,
  'conversations.info': info,
  'conversations.list': listChannels,
};

interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
  readonly withMetadata: boolean;
  readonly rest: { readonly response_metadata: { readonly next_cursor: string } };
}

function pageOf<Item extends object>(all: readonly Item[], args: SlackArguments): Page<Item> {
  const { limit, cursor, include_all_metadata, ...period } = pageSchema.parse(args);
  const within = all.filter((item) => !('ts' in item) || isWithin(String(item.ts), period));
  const end = cursor + limit;
  const hasMore = end < within.length;
  return {
    items: within.slice(cursor, end),
    hasMore,
    withMetadata: include_all_metadata,
    rest: { response_metadata: { next_cursor: hasMore ? String(end) : '' } },
  };
}

function isWithin(ts: SlackMessage['ts'], period: { oldest: string; latest: string; inclusive: boolean }): boolean {
  const at = Number(ts);
  const { oldest, latest, inclusive } = period;
  if (oldest !== '' && (inclusive ? at < Number(oldest) : at <= Number(oldest))) return false;
  return latest === '' || (inclusive ? at <= Number(latest) : at < Number(latest));
}
