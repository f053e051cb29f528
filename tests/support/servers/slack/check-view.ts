import * as z from 'zod';
import { checkBlocks } from './check-blocks.ts';
import { jsonPointerMessages } from './json-pointer-messages.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackBlock } from './types.ts';

const MAX_BLOCKS = 100;
const MAX_VIEW_JSON = 250_000;

const label = z.strictObject({
  type: z.literal('plain_text'),
  text: z.string().min(1).max(24),
  emoji: z.boolean().optional(),
});

const modalSchema = z.strictObject({
  type: z.literal('modal'),
  title: label,
  submit: label.optional(),
  close: label.optional(),
  blocks: z.array(z.looseObject({ type: z.string() })),
  private_metadata: z.string().max(3_000).optional(),
  callback_id: z.string().max(255).optional(),
  external_id: z.string().max(255).optional(),
  clear_on_close: z.boolean().optional(),
  notify_on_close: z.boolean().optional(),
});

/** A modal within the limits of @slack/types (dist/views); returns it and its blocks with the ids Slack adds. */
export function checkView(view: unknown): {
  readonly view: Readonly<Record<string, unknown>>;
  readonly blocks: readonly SlackBlock[];
} {
  const parsed = modalSchema.safeParse(view);
  if (!parsed.success) {
    throw new SlackRefusal('invalid_arguments', {
      response_metadata: { messages: jsonPointerMessages('view', parsed.error) },
    });
  }
  if (JSON.stringify(view).length > MAX_VIEW_JSON) throw new SlackRefusal('view_too_large');
  const blocks = checkBlocks(parsed.data.blocks, MAX_BLOCKS);
  if (parsed.data.submit === undefined && blocks.some(({ type }) => type === 'input')) {
    const messages = ['[ERROR] missing required field: submit [json-pointer:/view]'];
    throw new SlackRefusal('invalid_arguments', { response_metadata: { messages } });
  }
  return { view: parsed.data, blocks };
}
