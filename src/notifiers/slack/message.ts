import { hash } from 'node:crypto';
import type { Block } from './blocks.ts';
import type { Mrkdwn } from './mrkdwn.ts';

/** A message: its blocks, and the text for notifications and for where blocks are not shown. */
export interface Message {
  readonly text: Mrkdwn;
  readonly blocks: readonly Block[];
  /** The same as short as it can be said, for the case that Slack refuses the blocks. */
  readonly shortest: readonly Block[];
}

/** Equal for messages that look the same. */
export function digestOf({ text, blocks }: Message): string {
  return hash('sha256', JSON.stringify([text.source, blocks]), 'hex');
}
