import type { NoticeNews } from '../../domain/notifier.ts';
import { section } from './blocks.ts';
import type { Message } from './message.ts';
import { mrkdwn, shortened } from './mrkdwn.ts';

/** A text of the daemon itself. */
export function noticeMessage({ text }: NoticeNews): Message {
  const words = mrkdwn`${shortened(text, 2_500)}`;
  const blocks = [section([words])];
  return { text: words, blocks, shortest: blocks };
}
