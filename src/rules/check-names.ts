import type { ASTNode } from '@marcbachmann/cel-js';
import { parseDuration } from '../domain/duration.ts';
import { patternFault } from './cel-environment.ts';
import type { CelFields } from './cel-type.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { ExpressionProblem } from './expression-problem.ts';
import { RULE_ONLY_NAMES } from './expression-scope.ts';
import { childrenOf, comprehensionOf } from './syntax-tree.ts';

const MAX_NESTING = 2;

// Names of the language itself that stand where a variable could.
const LANGUAGE_NAMES = new Set([
  'cel',
  'optional',
  'string',
  'int',
  'uint',
  'double',
  'bool',
  'bytes',
  'list',
  'map',
  'type',
  'null_type',
]);

// The library drops such keys from a literal without a word.
const LOST_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * What the library's checker does not see or explains badly: unknown names, also in `has()`, behind `.?` and in brackets;
 * names that are only known when it runs; wrong patterns and durations; comprehensions that nest too deeply.
 */
export function checkNames(root: ASTNode, fields: CelFields): readonly ExpressionProblem[] {
  const problems: ExpressionProblem[] = [];
  visit(root, {
    fields,
    variables: new Set(),
    depth: 0,
    report: (message, { start, end }) => problems.push({ message, start, end }),
  });
  return problems;
}

interface Visit {
  readonly fields: CelFields;
  /** The variables of the comprehensions around. */
  readonly variables: ReadonlySet<string>;
  readonly depth: number;
  readonly report: (message: string, node: ASTNode) => void;
}

function visit(node: ASTNode, context: Visit): void {
  switch (node.op) {
    case 'id':
      checkVariable(node, node.args, context);
      return;
    case '.':
    case '.?':
      checkField(node, node.args[0], node.args[1], context);
      break;
    case '[]':
    case '[?]': {
      const key = node.args[1];
      checkField(node, node.args[0], key.op === 'value' ? key.args : undefined, context);
      break;
    }
    case 'call':
      if (node.args[0] === 'duration') checkLiteral(node.args[1][0], durationFault, context);
      break;
    case 'rcall':
      if (node.args[0] === 'matches' || node.args[0] === 'find') checkLiteral(node.args[2][0], patternFault, context);
      break;
    case 'map':
      for (const [key] of node.args) {
        if (key.op === 'value' && LOST_KEYS.has(String(key.args)))
          context.report(`'${String(key.args)}' cannot be a key here`, key);
      }
      break;
    default:
      break;
  }
  const comprehension = comprehensionOf(node);
  if (comprehension === undefined) {
    for (const child of childrenOf(node)) visit(child, context);
    return;
  }
  const { receiver, variable, body } = comprehension;
  if (Object.hasOwn(context.fields, variable))
    context.report(`'${variable}' is a name of the scope; choose another for the entries`, node);
  if (context.depth === MAX_NESTING) context.report(`at most ${MAX_NESTING} of map, filter, all, exists, bind may nest`, node);
  visit(receiver, context);
  const inside = { ...context, variables: new Set([...context.variables, variable]), depth: context.depth + 1 };
  for (const child of body) visit(child, inside);
}

function checkVariable(node: ASTNode, name: string, { fields, variables, report }: Visit): void {
  if (variables.has(name) || Object.hasOwn(fields, name) || LANGUAGE_NAMES.has(name)) return;
  if (name === 'item') return report("'item' is known only in the with, connection and expect of a step with for_each", node);
  if (name === 'output') return report("'output' is known only in expect; other places use steps.ID.output", node);
  if ((RULE_ONLY_NAMES as readonly string[]).includes(name)) {
    return report(`a playbook does not see '${name}', so that it runs the same from anywhere: give it a parameter`, node);
  }
  report(`unknown name '${name}'${suggestName(name, Object.keys(fields))}`, node);
}

function checkField(node: ASTNode, object: ASTNode, key: unknown, context: Visit): void {
  const known = fieldsAt(object, context);
  if (typeof known !== 'object') return;
  const owner = object.input.slice(object.start, object.end);
  if (typeof key !== 'string') {
    return context.report(`'${owner}' needs a name that is written here, so that it can be checked when the rules load`, node);
  }
  if (Object.hasOwn(known, key)) return;
  context.report(`'${owner}' has no '${key}'${suggestName(key, Object.keys(known))}`, node);
}

/** What is known of the fields of a path such as `steps.before.output`; `undefined` when nothing is. */
function fieldsAt(node: ASTNode, context: Visit): CelFields | string | undefined {
  switch (node.op) {
    case 'id':
      return context.variables.has(node.args) ? undefined : own(context.fields, node.args);
    case '.':
    case '.?':
      return own(fieldsAt(node.args[0], context), node.args[1]);
    case '[]':
    case '[?]': {
      const key = node.args[1];
      return key.op === 'value' && typeof key.args === 'string' ? own(fieldsAt(node.args[0], context), key.args) : undefined;
    }
    default:
      return undefined;
  }
}

function own(fields: CelFields | string | undefined, name: string): CelFields | string | undefined {
  return typeof fields === 'object' && Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function checkLiteral(node: ASTNode | undefined, faultOf: (text: string) => string | undefined, { report }: Visit): void {
  if (node?.op !== 'value' || typeof node.args !== 'string') return;
  const fault = faultOf(node.args);
  if (fault !== undefined) report(fault, node);
}

function durationFault(text: string): string | undefined {
  return parseDuration(text) === undefined ? `"${text}" is not a duration such as 90s, 1h30m or 2d` : undefined;
}
