import * as z from 'zod';
import { checkContent, checkMetadata } from './check-content.ts';
import type { MethodTable, SlackMethod } from './method-table.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { wireMessage } from './wire-shapes.ts';
import type { Channel, Workspace } from './workspace.ts';

const isTrue = (value: unknown): boolean => value === true || value === 'true';

const postMessage: SlackMethod = (args, { workspace }) => {
  const channel = destination(workspace, args['channel']);
  const content = checkContent(args);
  const metadata = checkMetadata(args['metadata']);
  const threadTs = parentTs(channel, args['thread_ts']);
  const isBroadcast = threadTs !== undefined && isTrue(args['reply_broadcast']);
  const message = workspace.post(channel, { ...content, user: workspace.botUserId, metadata, threadTs, isBroadcast });
  return { channel: channel.id, ts: message.ts, message: wireMessage(workspace, channel, message) };
};

const update: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const message = workspace.message(channel, args['ts']);
  if (message.user !== workspace.botUserId) throw new SlackRefusal('cant_update_message');
  // Text without blocks takes the blocks away: checkContent gives none.
  const content = checkContent(args);
  workspace.update(message, content, checkMetadata(args['metadata']));
  return { channel: channel.id, ts: message.ts, text: message.text, message: wireMessage(workspace, channel, message) };
};

const postEphemeral: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channel(z.string().catch('').parse(args['channel']));
  const user = z.string().catch('').parse(args['user']);
  if (!workspace.users.has(user)) throw new SlackRefusal('user_not_in_channel');
  workspace.ephemerals.push({ channel: channel.id, user, ...checkContent(args) });
  return { message_ts: `${String(Math.floor(Date.now() / 1_000))}.000000` };
};

const getPermalink: SlackMethod = (args, { workspace }) => {
  const channel = workspace.channelById(args['channel']);
  const { ts } = workspace.message(channel, args['message_ts']);
  return { channel: channel.id, permalink: `https://example.slack.com/archives/${channel.id}/p${ts.replace('.', '')}` };
};

const addReaction: SlackMethod = (args, { workspace }) => {
  const message = workspace.message(workspace.channelById(args['channel']), args['timestamp']);
  const name = z.string().catch('').parse(args['name']);
  if (!/^[a-z0-9_+'-]+$/.test(name)) throw new SlackRefusal('invalid_name');
  if (message.reactions.some((reaction) => reaction.name === name)) throw new SlackRefusal('already_reacted');
  message.reactions = [...message.reactions, { name, user: workspace.botUserId }];
  return {};
};

/** Methods that write and mark messages. */
export const chatMethods: MethodTable = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.postEphemeral': postEphemeral,
  'chat.getPermalink': getPermalink,
  'reactions.add': addReaction,
};

/** A channel by id or name, or a person, who gets a direct message. */
function destination(workspace: Workspace, channel: unknown): Channel {
  const target = z.string().catch('').parse(channel);
  return workspace.users.has(target) ? workspace.direct(target) : workspace.channel(target);
}

/** A thread hangs on a message, not on a reply. */
function parentTs(channel: Channel, threadTs: unknown): string | undefined {
  if (threadTs === undefined || threadTs === '') return undefined;
  const parent = channel.messages.find((message) => message.ts === threadTs);
  if (parent === undefined) throw new SlackRefusal('thread_not_found');
  if (parent.threadTs !== undefined) throw new SlackRefusal('cannot_reply_to_message');
  return parent.ts;
}
