import type { SlackFile, SlackMessage } from './types.ts';
import { threadOf, type Channel, type Workspace } from './workspace.ts';

/** The id of the app in all payloads. */
export const APP_ID = 'A0REMEDYD';
export const BOT_ID = 'B0REMEDYD';
export const TEAM_DOMAIN = 'example';

/** A message as Slack's methods and interactions show it. Metadata only when it was asked for. */
export function wireMessage(workspace: Workspace, channel: Channel, message: SlackMessage, withMetadata = true): object {
  const replies = message.threadTs === undefined ? threadOf(channel, message.ts).slice(1) : [];
  const thread = message.threadTs ?? (replies.length > 0 ? message.ts : undefined);
  const isOurs = message.user === workspace.botUserId;
  const edited = message.versions.length > 1 ? { edited: { user: workspace.botUserId, ts: message.ts } } : {};
  return {
    type: 'message',
    ...(message.isBroadcast ? { subtype: 'thread_broadcast' } : {}),
    user: message.user,
    ...(isOurs ? { bot_id: BOT_ID, app_id: APP_ID } : {}),
    team: workspace.teamId,
    text: message.text,
    ts: message.ts,
    blocks: message.blocks,
    ...edited,
    ...(thread === undefined ? {} : { thread_ts: thread }),
    ...(replies.length > 0 ? { reply_count: replies.length, latest_reply: replies.at(-1)?.ts } : {}),
    ...(message.files.length > 0 ? { files: message.files.map(wireFile) } : {}),
    ...(message.metadata === undefined || !withMetadata ? {} : { metadata: message.metadata }),
  };
}

export function wireChannel(channel: Channel): object {
  const isDirect = channel.directWith !== undefined;
  return {
    id: channel.id,
    name: channel.name,
    is_channel: !isDirect,
    is_im: isDirect,
    is_private: isDirect,
    is_archived: false,
    is_member: true,
    topic: { value: channel.topic, creator: '', last_set: 0 },
    purpose: { value: '', creator: '', last_set: 0 },
    num_members: channel.members.length,
  };
}

export function wireFile(file: SlackFile): object {
  return { id: file.id, name: file.name, title: file.title, size: file.bytes.length, mode: 'snippet' };
}
