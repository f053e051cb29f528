import { readableParts } from './readable-parts.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { CheckedContent } from './check-content.ts';
import type { SlackEphemeral, SlackFile, SlackMessage, SlackMetadata, SlackView } from './types.ts';

/** A message that updates, reactions and files still change. */
type StoredMessage = { -readonly [Key in keyof SlackMessage]: SlackMessage[Key] };

export interface Channel {
  readonly id: string;
  readonly name: string;
  topic: string;
  readonly members: string[];
  /** All of them, replies too, oldest first. */
  readonly messages: StoredMessage[];
  /** The person a direct message is with. */
  readonly directWith?: string;
}

export interface NewMessage extends CheckedContent {
  readonly user: string;
  readonly metadata?: SlackMetadata | undefined;
  readonly threadTs?: string | undefined;
  readonly isBroadcast?: boolean;
  readonly files?: readonly SlackFile[];
}

/** Everything the workspace holds. */
export interface Workspace {
  readonly teamId: string;
  readonly botUserId: string;
  readonly channels: Channel[];
  /** Names by id. */
  readonly users: ReadonlyMap<string, string>;
  readonly userGroups: ReadonlyMap<string, readonly string[]>;
  readonly ephemerals: SlackEphemeral[];
  readonly files: SlackFile[];
  /** The lengths given for uploads, by file id. */
  readonly announcedBytes: Map<string, number>;
  readonly views: SlackView[];
  readonly createChannel: (name: string) => Channel;
  /** By id, or by `#name` (or the bare name); refuses with `channel_not_found`. */
  readonly channel: (idOrName: string) => Channel;
  /** By id only, as most methods want it. */
  readonly channelById: (id: unknown) => Channel;
  readonly direct: (userId: string) => Channel;
  /** Refuses with `message_not_found`. */
  readonly message: (channel: Channel, ts: unknown) => StoredMessage;
  readonly post: (channel: Channel, message: NewMessage) => StoredMessage;
  readonly update: (message: StoredMessage, content: CheckedContent, metadata?: SlackMetadata) => void;
}

export interface WorkspaceOptions {
  readonly channels: readonly string[];
  readonly users: Readonly<Record<string, string>>;
  readonly userGroups: Readonly<Record<string, readonly string[]>>;
}

export function createWorkspace(options: WorkspaceOptions): Workspace {
  const channels: Channel[] = [];
  const users = new Map(Object.entries(options.users));
  const botUserId = 'U0REMEDYD';
  const nextTs = createTimestamps();
  let channelCount = 0;

  const createChannel = (name: string): Channel => {
    channelCount += 1;
    const id = `C0${String(channelCount).padStart(7, '0')}`;
    const channel: Channel = { id, name, topic: '', members: [botUserId], messages: [] };
    channels.push(channel);
    return channel;
  };
  const channelById = (id: unknown): Channel => {
    const found = channels.find((channel) => channel.id === id);
    if (found === undefined) throw new SlackRefusal('channel_not_found');
    return found;
  };
  options.channels.forEach((name) => createChannel(name));

  return {
    teamId: 'T0REMEDYD',
    botUserId,
    channels,
    users,
    userGroups: new Map(Object.entries(options.userGroups)),
    ephemerals: [],
    files: [],
    announcedBytes: new Map(),
    views: [],
    createChannel,
    channelById,
    channel: (idOrName) => {
      const name = idOrName.replace(/^#/, '');
      return channels.find((channel) => channel.name === name && channel.directWith === undefined) ?? channelById(idOrName);
    },
    direct: (userId) => {
      if (!users.has(userId)) throw new SlackRefusal('user_not_found');
      const known = channels.find((channel) => channel.directWith === userId);
      if (known !== undefined) return known;
      const channel = { id: `D${userId.slice(1)}`, name: '', topic: '', members: [botUserId, userId], messages: [] };
      channels.push({ ...channel, directWith: userId });
      return channelById(channel.id);
    },
    message: (channel, ts) => {
      const found = channel.messages.find((message) => message.ts === ts);
      if (found === undefined) throw new SlackRefusal('message_not_found');
      return found;
    },
    post: (channel, { text, blocks, user, metadata, threadTs, isBroadcast = false, files = [] }) => {
      const message: StoredMessage = {
        ts: nextTs(),
        channel: channel.id,
        user,
        text,
        blocks,
        ...readableParts(text, blocks),
        ...(metadata === undefined ? {} : { metadata }),
        ...(threadTs === undefined ? {} : { threadTs }),
        isBroadcast,
        files,
        reactions: [],
        versions: [{ at: Date.now(), text, blocks }],
      };
      channel.messages.push(message);
      return message;
    },
    update: (message, { text, blocks }, metadata) => {
      message.text = text;
      message.blocks = blocks;
      Object.assign(message, readableParts(text, blocks));
      message.versions = [...message.versions, { at: Date.now(), text, blocks }];
      if (metadata !== undefined) message.metadata = metadata;
    },
  };
}

/** What a channel shows of its messages: replies only when they were broadcast. */
export function shownIn(channel: Channel): readonly SlackMessage[] {
  return channel.messages.filter(({ threadTs, isBroadcast }) => threadTs === undefined || isBroadcast);
}

/** The parent and its replies. */
export function threadOf(channel: Channel, ts: string): readonly SlackMessage[] {
  return channel.messages.filter((message) => message.ts === ts || message.threadTs === ts);
}

/** Seconds and microseconds, never the same twice. */
function createTimestamps(): () => string {
  let lastMicros = 0;
  return () => {
    lastMicros = Math.max(lastMicros + 1, Date.now() * 1_000);
    return `${String(Math.floor(lastMicros / 1e6))}.${String(lastMicros % 1e6).padStart(6, '0')}`;
  };
}
