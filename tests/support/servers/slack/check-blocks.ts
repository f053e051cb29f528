import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { blockSchema } from './block-schema.ts';
import { jsonPointerMessages } from './json-pointer-messages.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackBlock } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

const formSchema = z.array(z.looseObject({ type: z.string(), block_id: z.string().optional() }));

/** Returns the blocks with the ids that Slack adds; refuses those it would not take. `max` is 50 in messages, 100 in views. */
export function checkBlocks(blocks: unknown, max: number): readonly SlackBlock[] {
  const form = formSchema.safeParse(blocks);
  if (!form.success) throw new SlackRefusal('invalid_blocks_format');
  if (form.data.length > max) refuse([`[ERROR] no more than ${String(max)} items allowed [json-pointer:/blocks]`]);
  const checked = z.array(blockSchema).safeParse(blocks);
  if (!checked.success) refuse(jsonPointerMessages('blocks', checked.error));
  refuseRepeated(
    'block_id',
    form.data.map((block) => block.block_id),
  );
  // Slack documents it as unique in the containing block.
  for (const block of form.data) {
    refuseRepeated(
      'action_id',
      elementsOf(block).map((element) => element['action_id']),
    );
  }
  return form.data.map(withIds);
}

/** The interactive elements of a block. */
export function elementsOf(block: Fields): readonly Fields[] {
  const list: unknown = block['elements'];
  return [...(Array.isArray(list) ? list : []), block['accessory'], block['element']]
    .filter(isFields)
    .filter((element) => block['type'] !== 'rich_text' && block['type'] !== 'context' && element['type'] !== 'image');
}

function withIds(block: z.infer<typeof formSchema>[number]): SlackBlock {
  const copy: Record<string, unknown> = { ...block };
  if (Array.isArray(block['elements']) && block.type === 'actions') copy['elements'] = block['elements'].map(withActionId);
  for (const place of ['accessory', 'element']) {
    const element = block[place];
    if (isFields(element) && element['type'] !== 'image') copy[place] = withActionId(element);
  }
  return { ...copy, type: block.type, block_id: block.block_id ?? randomId() };
}

function withActionId(element: unknown): unknown {
  return isFields(element) ? { ...element, action_id: element['action_id'] ?? randomId() } : element;
}

function refuseRepeated(name: string, ids: readonly unknown[]): void {
  const given = ids.filter((id) => id !== undefined);
  const repeated = given.find((id, index) => given.indexOf(id) !== index);
  if (repeated !== undefined) refuse([`[ERROR] ${name} ${JSON.stringify(repeated)} already exists [json-pointer:/blocks]`]);
}

function refuse(messages: readonly string[]): never {
  throw new SlackRefusal('invalid_blocks', { response_metadata: { messages } });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function randomId(): string {
  return randomBytes(4).toString('base64url').slice(0, 5);
}
