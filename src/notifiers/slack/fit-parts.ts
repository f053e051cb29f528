import type { Block } from './blocks.ts';

/** A part of a message that can be said in several ways, from the whole to the shortest; the shortest may be nothing. */
export interface Part {
  /** The higher, the sooner it is shortened; of equal ones the last is first. */
  readonly rank: number;
  readonly forms: readonly (readonly Block[])[];
}

/** Slack refuses a message of more blocks: docs.slack.dev/reference/block-kit/blocks. */
const MAX_BLOCKS = 50;
/** Slack refuses a message whose blocks are larger than about 13,000 characters (bolt-js#2509). Ours are counted as bytes. */
const MAX_BYTES = 12_000;

/** The parts in their order, as much of each as a message can hold. When something had to be left out, `note` says so at the end. */
export function fitParts(parts: readonly Part[], note: Block): readonly Block[] {
  const sizes = parts.map(({ forms }) => forms.map(sizeOf));
  const chosen = parts.map(() => 0);
  const noteSize = sizeOf([note]);
  const total = { blocks: 0, bytes: 2 };
  parts.forEach((_, index) => add(total, sizes[index]?.[0], 1));

  // What cannot be shortened any more is out of the question; the others go by rank.
  const order = parts.map((_, index) => index).sort((a, b) => rankAt(parts, b) - rankAt(parts, a) || b - a);
  let isShort = false;
  const fits = (): boolean => {
    const extra = isShort ? noteSize : { blocks: 0, bytes: 0 };
    return total.blocks + extra.blocks <= MAX_BLOCKS && total.bytes + extra.bytes <= MAX_BYTES;
  };
  for (const index of order) {
    const forms = sizes[index] ?? [];
    for (let form = 1; form < forms.length && !fits(); form += 1) {
      add(total, forms[form - 1], -1);
      add(total, forms[form], 1);
      chosen[index] = form;
      isShort = true;
    }
    if (fits()) break;
  }
  const blocks = parts.flatMap(({ forms }, index) => forms[chosen[index] ?? 0] ?? []);
  return isShort ? [...blocks, note] : blocks;
}

/** Every part as short as it can be said. */
export function shortestParts(parts: readonly Part[], note: Block): readonly Block[] {
  return [...parts.flatMap(({ forms }) => forms.at(-1) ?? []), note];
}

interface Size {
  blocks: number;
  bytes: number;
}

function sizeOf(blocks: readonly Block[]): Size {
  // A comma goes with each block.
  return { blocks: blocks.length, bytes: blocks.reduce((sum, block) => sum + Buffer.byteLength(JSON.stringify(block)) + 1, 0) };
}

function add(total: Size, size: Size | undefined, sign: 1 | -1): void {
  total.blocks += sign * (size?.blocks ?? 0);
  total.bytes += sign * (size?.bytes ?? 0);
}

function rankAt(parts: readonly Part[], index: number): number {
  return parts[index]?.rank ?? 0;
}
