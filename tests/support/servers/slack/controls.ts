import * as z from 'zod';
import { elementsOf } from './check-blocks.ts';
import type { SlackBlock, SlackControl } from './types.ts';

const optionSchema = z.looseObject({ value: z.string() });

const elementSchema = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  text: z.object({ text: z.string() }).optional(),
  placeholder: z.object({ text: z.string() }).optional(),
  value: z.string().optional(),
  options: z.array(optionSchema).default([]),
  option_groups: z.array(z.object({ options: z.array(optionSchema) })).default([]),
  initial_option: z.unknown().optional(),
});

/** An interactive element and the block it stands in. */
export interface FoundElement {
  readonly block: SlackBlock;
  readonly element: z.infer<typeof elementSchema>;
}

/** The interactive elements of blocks that were accepted before, in order. */
export function findElements(blocks: readonly SlackBlock[]): readonly FoundElement[] {
  return blocks.flatMap((block) => elementsOf(block).map((element) => ({ block, element: elementSchema.parse(element) })));
}

/** The options of a menu, grouped or not. */
export function optionsOf({ element }: FoundElement): readonly z.infer<typeof optionSchema>[] {
  return [...element.options, ...element.option_groups.flatMap(({ options }) => options)];
}

export function toControl(found: FoundElement): SlackControl {
  const { block, element } = found;
  return {
    type: element.type,
    actionId: element.action_id,
    blockId: block.block_id,
    label: element.text?.text ?? element.placeholder?.text ?? '',
    ...(element.value === undefined ? {} : { value: element.value }),
    options: optionsOf(found).map(({ value }) => value),
  };
}
