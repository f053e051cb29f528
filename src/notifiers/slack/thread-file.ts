import { context, section } from './blocks.ts';
import type { Message } from './message.ts';
import { codeBlock, mrkdwn, type Mrkdwn } from './mrkdwn.ts';

/** A text above this is a file of its own. */
export const CODE_BLOCK_MAX = 2_500;
/** Of a longer file only the beginning and the end are kept. */
const FILE_MAX = 100_000;

/** The text as a file, or its beginning as a block of code where files may not be uploaded. */
export interface ThreadFile {
  readonly fileName: string;
  readonly title: string;
  readonly body: string;
  readonly instead: Message;
}

/** A file for the thread. `nonce` makes its name one that can be found again. */
export function threadFile(
  file: { readonly name: string; readonly extension: 'txt' | 'md'; readonly title: string; readonly body: string },
  nonce: string,
  note: Mrkdwn,
): ThreadFile {
  const name = file.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60);
  const title = mrkdwn`*${file.title}*`;
  const blocks = [section([title]), section([codeBlock(file.body, CODE_BLOCK_MAX)]), context([note])];
  return {
    fileName: `${name}-${nonce.slice(0, 8)}.${file.extension}`,
    title: file.title.slice(0, 250),
    body: middleLeftOut(file.body),
    instead: { text: title, blocks, shortest: blocks.slice(0, 1) },
  };
}

function middleLeftOut(body: string): string {
  if (body.length <= FILE_MAX) return body.toWellFormed();
  const half = FILE_MAX / 2;
  const left = body.length - FILE_MAX;
  return `${body.slice(0, half)}\n… ${left} characters are left out here …\n${body.slice(-half)}`.toWellFormed();
}
