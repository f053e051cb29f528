import type { ASTNode } from '@marcbachmann/cel-js';

/** The nodes directly below a node, in the order of the source. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case '.':
    case '.?':
      return [node.args[0]];
    case '!_':
    case '-_':
      return [node.args];
    case 'map':
      return node.args.flat();
    default:
      return node.args;
  }
}

/** The node and all below it. */
export function* walkTree(node: ASTNode): Generator<ASTNode> {
  yield node;
  for (const child of childrenOf(node)) yield* walkTree(child);
}

/** A call such as `list.map(x, …)` that evaluates an argument once for every entry, with a variable of its own. */
export interface Comprehension {
  readonly receiver: ASTNode;
  readonly variable: string;
  readonly body: readonly ASTNode[];
}

const COMPREHENSIONS: Readonly<Record<string, readonly number[]>> = {
  map: [2, 3],
  filter: [2],
  all: [2],
  exists: [2],
  exists_one: [2],
};

/** The comprehension that a node is; `undefined` when it is none. `cel.bind` counts as one: it nests the same way. */
export function comprehensionOf(node: ASTNode): Comprehension | undefined {
  if (node.op !== 'rcall') return undefined;
  const [name, receiver, args] = node.args;
  const [variable, ...body] = args;
  if (variable?.op !== 'id') return undefined;
  const isBinding = name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && args.length === 3;
  const isLoop = Object.hasOwn(COMPREHENSIONS, name) && COMPREHENSIONS[name]?.includes(args.length) === true;
  return isBinding || isLoop ? { receiver, variable: variable.args, body } : undefined;
}
