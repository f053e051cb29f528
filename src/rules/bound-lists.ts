import type { ASTNode } from '@marcbachmann/cel-js';
import type { BOUNDS } from './cel-environment.ts';
import { childrenOf, comprehensionOf, walkTree } from './syntax-tree.ts';

/** An expression whose lists are bounded, and the way back to places in its source. */
export interface BoundedSource {
  readonly text: string;
  originalOffset(offset: number): number;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * Puts a call around each list that a comprehension goes through, which fails when it is too long: no rule can
 * keep the daemon busy. In the text, because the library expands comprehensions while it parses.
 */
export function boundLists(source: string, root: ASTNode): BoundedSource {
  const insertions = [...findInsertions(root, false)].sort((a, b) => a.at - b.at);
  let text = '';
  let from = 0;
  for (const { at, text: inserted } of insertions) {
    text += source.slice(from, at) + inserted;
    from = at;
  }
  return { text: text + source.slice(from), originalOffset: (offset) => findOriginal(insertions, offset) };
}

function* findInsertions(node: ASTNode, inner: boolean): Generator<Insertion> {
  const comprehension = comprehensionOf(node);
  if (comprehension === undefined) {
    for (const child of childrenOf(node)) yield* findInsertions(child, inner);
    return;
  }
  const { receiver, body } = comprehension;
  const name: keyof typeof BOUNDS = inner ? 'boundedInnerList' : body.some(hasComprehension) ? 'boundedOuterList' : 'boundedList';
  const isBinding = receiver.op === 'id' && receiver.args === 'cel';
  if (!isBinding) yield { at: receiver.start, text: `${name}(` };
  yield* findInsertions(receiver, inner);
  if (!isBinding) yield { at: receiver.end, text: ')' };
  for (const child of body) yield* findInsertions(child, true);
}

function hasComprehension(node: ASTNode): boolean {
  for (const each of walkTree(node)) if (comprehensionOf(each) !== undefined) return true;
  return false;
}

function findOriginal(insertions: readonly Insertion[], offset: number): number {
  let shift = 0;
  for (const { at, text } of insertions) {
    if (at + shift >= offset) break;
    shift += Math.min(text.length, offset - at - shift);
  }
  return offset - shift;
}
