import * as z from 'zod';
import { checkBlocks } from './check-blocks.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackBlock, SlackMetadata } from './types.ts';

const MAX_TEXT = 40_000;
// Not documented: found by those who ran into it, see slackapi/bolt-js#2509.
const MAX_BLOCKS_JSON = 13_000;
const MAX_BLOCKS = 50;
const MAX_METADATA_JSON = 16_000;

const plainValue = z.union([z.string(), z.number(), z.boolean()]);
const flatObject = z.record(z.string(), plainValue);
const metadataSchema = z.strictObject({
  event_type: z.string().min(1).max(255),
  event_payload: z.record(z.string(), z.union([plainValue, flatObject, z.array(flatObject)])),
});

export interface CheckedContent {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

/** What chat.postMessage, chat.update and response URLs share: something to show, within the limits. */
export function checkContent(args: Readonly<Record<string, unknown>>): CheckedContent {
  const text = args['text'] === undefined ? '' : z.coerce.string().parse(args['text']);
  const hasBlocks = args['blocks'] !== undefined && !(Array.isArray(args['blocks']) && args['blocks'].length === 0);
  if (text === '' && !hasBlocks && args['attachments'] === undefined) throw new SlackRefusal('no_text');
  if (text.length > MAX_TEXT) throw new SlackRefusal('msg_too_long');
  const blocks = hasBlocks ? checkBlocks(args['blocks'], MAX_BLOCKS) : [];
  if (hasBlocks && JSON.stringify(args['blocks']).length > MAX_BLOCKS_JSON) throw new SlackRefusal('msg_blocks_too_long');
  return { text, blocks };
}

/** Message metadata in the shape of MessageMetadata of @slack/types; `undefined` when there is none. */
export function checkMetadata(metadata: unknown): SlackMetadata | undefined {
  if (metadata === undefined) return undefined;
  if (typeof metadata !== 'object') throw new SlackRefusal('invalid_metadata_format');
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) throw new SlackRefusal('invalid_metadata_schema');
  if (JSON.stringify(metadata).length > MAX_METADATA_JSON) throw new SlackRefusal('metadata_too_large');
  return parsed.data;
}
