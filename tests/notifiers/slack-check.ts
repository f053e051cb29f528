import { blockSchema } from '../support/servers/slack/block-schema.ts';

/** What is wrong with the blocks of a message, by Slack's documented limits; empty when nothing is. */
export function faultsOf(text: string, blocks: readonly unknown[]): readonly string[] {
  const faults = blocks.flatMap((block, index) => {
    const { success, error } = blockSchema.safeParse(block);
    return success ? [] : [`block ${index}: ${error.message}`];
  });
  if (blocks.length > 50) faults.push(`${blocks.length} blocks`);
  if (JSON.stringify(blocks).length > 12_000) faults.push(`${JSON.stringify(blocks).length} characters`);
  if (text === '' || text.length > 3_000) faults.push(`a text of ${text.length} characters`);
  for (const block of blocks) {
    const ids = actionIdsOf(block);
    if (new Set(ids).size !== ids.length) faults.push(`an action id twice in a block: ${ids.join(', ')}`);
  }
  return faults;
}

/** Every text that Slack reads as markup. */
export function markupOf(text: string, blocks: readonly unknown[]): readonly string[] {
  return [text, ...textsIn(blocks)];
}

/** What is live in a text besides dates: mentions, links, broadcasts. */
export function liveTokensOf(markup: string): readonly string[] {
  return [...markup.matchAll(/<[^>]*>?/g)]
    .map(([token]) => token)
    .filter((token) => !/^<!date\^\d+\^[^<>]*\|[^<>]*>$/.test(token));
}

function textsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]: [string, unknown]) =>
    typeof child === 'string' ? (name === 'text' ? [child] : []) : textsIn(child),
  );
}

function actionIdsOf(block: unknown): readonly string[] {
  if (typeof block !== 'object' || block === null) return [];
  const elements: unknown = Reflect.get(block, 'elements');
  return Array.isArray(elements)
    ? elements.map((element: unknown) => JSON.stringify(idOf(element))).filter((id) => id !== 'null')
    : [];
}

function idOf(element: unknown): unknown {
  return typeof element === 'object' && element !== null ? (Reflect.get(element, 'action_id') ?? null) : null;
}
