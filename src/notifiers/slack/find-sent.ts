import type { SlackApi } from './slack-api.ts';

/** What is looked for among the messages of a channel or a thread. */
export interface Sought {
  readonly channelId: string;
  /** Of the thread; absent for a message of the channel itself. */
  readonly threadTs?: string;
  /** Nothing older is looked at (epoch ms). */
  readonly since: number;
  /** The nonce in its metadata, or the name of the file it shares. */
  readonly nonce: string;
  readonly fileName?: string;
}

const PAGE = 200;
const MAX_PAGES = 10;

/** The timestamp of the message, or `undefined` when it is not there. Throws as `SlackApi.call` does. */
export async function findSent(api: Pick<SlackApi, 'call'>, sought: Sought, signal: AbortSignal): Promise<string | undefined> {
  const { channelId, threadTs, since } = sought;
  const method = threadTs === undefined ? 'conversations.history' : 'conversations.replies';
  let cursor = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await api.call(
      method,
      {
        channel: channelId,
        ...(threadTs === undefined ? {} : { ts: threadTs }),
        oldest: (Math.max(0, since) / 1_000).toFixed(6),
        include_all_metadata: true,
        limit: PAGE,
        ...(cursor === '' ? {} : { cursor }),
      },
      signal,
    );
    const found = listOf(answer['messages']).find((message) => isSought(message, sought));
    const ts = found === undefined ? undefined : textAt(found, 'ts');
    if (ts !== undefined) return ts;
    cursor = textAt(answer['response_metadata'], 'next_cursor') ?? '';
    if (cursor === '') return undefined;
  }
  return undefined;
}

/** The id of the channel with this name, or `undefined`. Throws as `SlackApi.call` does. */
export async function findChannel(api: Pick<SlackApi, 'call'>, name: string, signal: AbortSignal): Promise<string | undefined> {
  let cursor = '';
  for (let page = 0; page < MAX_PAGES * 5; page += 1) {
    const types = 'public_channel,private_channel';
    const args = { types, exclude_archived: true, limit: PAGE, ...(cursor === '' ? {} : { cursor }) };
    const answer = await api.call('conversations.list', args, signal);
    const found = listOf(answer['channels']).find((channel) => textAt(channel, 'name') === name);
    if (found !== undefined) return textAt(found, 'id');
    cursor = textAt(answer['response_metadata'], 'next_cursor') ?? '';
    if (cursor === '') return undefined;
  }
  return undefined;
}

/** A text under a key of something that may be an object. */
export function textAt(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, key);
  return typeof found === 'string' ? found : undefined;
}

function isSought(message: unknown, { nonce, fileName }: Sought): boolean {
  if (typeof message !== 'object' || message === null) return false;
  if (fileName !== undefined && listOf(Reflect.get(message, 'files')).some((file) => textAt(file, 'name') === fileName))
    return true;
  const metadata: unknown = Reflect.get(message, 'metadata');
  if (typeof metadata !== 'object' || metadata === null) return false;
  return textAt(Reflect.get(metadata, 'event_payload'), 'nonce') === nonce;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
