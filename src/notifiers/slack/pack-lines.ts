import { section, SECTION_MAX, type Block } from './blocks.ts';
import { linesWithin, type Mrkdwn } from './mrkdwn.ts';

/** What the sections of one message may hold together, counted in bytes. Slack refuses about 13,000 characters (bolt-js#2509). */
const MESSAGE_BYTES = 11_000;

/** As many of the lines as one message holds, in sections, and how many those are: at least one. */
export function packLines(lines: readonly Mrkdwn[]): { readonly blocks: readonly Block[]; readonly taken: number } {
  const blocks: Block[] = [];
  let taken = 0;
  let bytes = 0;
  while (taken < lines.length) {
    const rest = lines.slice(taken);
    const fitting = Math.max(1, rest.length - linesWithin(rest, SECTION_MAX).left);
    const block = section(rest.slice(0, fitting));
    bytes += Buffer.byteLength(JSON.stringify(block)) + 1;
    if (blocks.length > 0 && bytes > MESSAGE_BYTES) break;
    blocks.push(block);
    taken += fitting;
  }
  return { blocks, taken };
}
