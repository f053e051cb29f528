import { NotifyError } from '../../domain/notifier.ts';
import { textAt } from './find-sent.ts';
import type { SlackApi } from './slack-api.ts';
import { SlackRefusal } from './slack-fault.ts';
import type { Content } from './slack-request.ts';

/** Where a message goes. `nonce`: by which it is found when the answer is lost. */
export interface PostTo {
  readonly channel: string;
  /** Of the message that is updated. */
  readonly ts?: string;
  readonly nonce?: string;
  readonly threadTs?: string;
  readonly isBroadcast?: boolean;
}

export interface Posted {
  readonly channelId: string;
  readonly ts: string;
}

/** Slack does not take the blocks; the same may be said with fewer, or without. */
const IS_ABOUT_BLOCKS = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
  'msg_too_long',
  'blocks_too_long',
  'metadata_too_large',
]);

/** Posts or updates a message: with fewer blocks when Slack refuses them, then as text alone, so that it is never lost. */
export async function postContent(
  api: Pick<SlackApi, 'call'>,
  method: 'chat.postMessage' | 'chat.update',
  content: Content,
  to: PostTo,
  signal: AbortSignal,
): Promise<Posted> {
  const forms = [content.blocks, content.shortest, []];
  for (const [index, blocks] of forms.entries()) {
    try {
      const answer = await api.call(method, argumentsOf(content.text, blocks, to), signal);
      const channelId = textAt(answer, 'channel');
      const ts = textAt(answer, 'ts');
      if (channelId === undefined || ts === undefined)
        throw new NotifyError('unknown', `Slack answered ${method} without the message's place`);
      return { channelId, ts };
    } catch (error) {
      const isRefused = error instanceof SlackRefusal && IS_ABOUT_BLOCKS.has(error.error);
      if (!isRefused || index === forms.length - 1) throw error;
    }
  }
  throw new NotifyError('refused', `Slack takes no form of the message`);
}

function argumentsOf(text: string, blocks: Content['blocks'], to: PostTo): Record<string, unknown> {
  const { channel, ts, nonce, threadTs, isBroadcast } = to;
  return {
    channel,
    text,
    // An empty list takes the blocks of an updated message away.
    blocks,
    // What is no markup of ours stays text: nothing in a label becomes a link, a channel or a mention.
    parse: 'none',
    link_names: false,
    ...(ts === undefined ? { unfurl_links: false, unfurl_media: false } : { ts }),
    ...(nonce === undefined ? {} : { metadata: { event_type: 'remedyd', event_payload: { nonce } } }),
    ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
    ...(isBroadcast === true ? { reply_broadcast: true } : {}),
  };
}
