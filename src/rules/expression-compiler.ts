import { EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import type { JsonObject } from '../domain/json.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { Scope } from '../domain/scope.ts';
import { BOUNDS, RENAMED, createRootEnvironment } from './cel-environment.ts';
import { describeCelTypes } from './cel-type.ts';
import type { CelFields } from './cel-type.ts';
import { boundLists } from './bound-lists.ts';
import type { BoundedSource } from './bound-lists.ts';
import { checkNames } from './check-names.ts';
import { hintFor } from './expression-hint.ts';
import type { ExpressionProblem } from './expression-problem.ts';
import {
  createContext,
  fieldsOf,
  fieldsOfVars,
  fixedFieldsOf,
  placeFieldsOf,
  reduceShape,
  registerFields,
} from './expression-scope.ts';
import type { ExpressionUses, ScopeShape } from './expression-scope.ts';
import { walkTree } from './syntax-tree.ts';

/** The longest expression, in characters. */
const MAX_EXPRESSION_LENGTH = 4_096;

const MAX_KEPT_ENVIRONMENTS = 16;

/** An expression that was checked. It may be evaluated only when it has no problems. */
export interface Expression {
  readonly source: string;
  readonly problems: readonly ExpressionProblem[];
  /** The type of its value, as the checker writes it. */
  readonly type: string;
  /** Its value in the form of the expression language. Throws `ExpressionError`. */
  evaluate(scope: Scope): unknown;
}

/**
 * Checks expressions against the names of their place, and evaluates them. Expressions that are equal and see equal names
 * are one; what is needed to evaluate one is made when it is first evaluated, so that thousands of rules stay small.
 */
export class ExpressionCompiler {
  readonly vars: JsonObject;
  readonly #varFields: CelFields;
  readonly #uses = new Map<string, ExpressionUses | ExpressionProblem>();
  readonly #expressions = new Map<string, Expression>();
  readonly #environments = new Map<string, Environment>();
  #root: Environment | undefined;

  constructor(vars: JsonObject) {
    this.vars = vars;
    this.#varFields = fieldsOfVars(vars);
  }

  /** Checks an expression that stands in a place of this shape. */
  compile(source: string, shape: ScopeShape): Expression {
    const uses = this.#usesOf(source);
    if ('message' in uses) return faultyExpression(source, [uses]);
    const reduced = reduceShape(shape, uses);
    const fields = placeFieldsOf(reduced);
    const key = `${reduced.kind}${JSON.stringify(fields)}`;
    const known = this.#expressions.get(`${key}\n${source}`);
    if (known !== undefined) return known;
    const checked = this.#check(source, reduced, { key, fields, uses });
    if (checked instanceof CheckedExpression) {
      this.#expressions.set(`${key}\n${source}`, checked);
      return checked;
    }
    // Known names are listed in messages: all of them, not only those that it uses.
    const parsed = parse(this.#environmentOf(key, reduced.kind, fields), source);
    const unknown = parsed instanceof Program ? checkNames(parsed.original, fieldsOf(shape, this.#varFields)) : [];
    return faultyExpression(
      source,
      (unknown.length > 0 ? unknown : checked).map((problem) => withHint(problem, source)),
    );
  }

  /** Forgets what only helps while many expressions are compiled at once. */
  releaseMemory(): void {
    this.#uses.clear();
    this.#expressions.clear();
    this.#environments.clear();
  }

  #check(
    source: string,
    shape: ScopeShape,
    { key, fields, uses }: { readonly key: string; readonly fields: CelFields; readonly uses: ExpressionUses },
  ): CheckedExpression | readonly ExpressionProblem[] {
    const all = { ...fixedFieldsOf(shape.kind, this.#varFields), ...fields };
    const parsed = parse(this.#environmentOf(key, shape.kind, fields), source);
    if (!(parsed instanceof Program)) return [parsed];
    const unknown = checkNames(parsed.original, all);
    if (unknown.length > 0) return unknown;
    const type = parsed.check();
    if (typeof type !== 'string') return [type];
    const names = [...uses.names].filter((name) => Object.hasOwn(all, name));
    return new CheckedExpression(source, type, {
      contextOf: (scope) => createContext(names, shape, scope, this.vars),
      build: () => {
        const program = parse(this.#environmentOf(key, shape.kind, placeFieldsOf(shape)), source);
        if (program instanceof Program && typeof program.check() === 'string') return program;
        throw new ExpressionError('expression_error', `"${source}" could not be compiled again`);
      },
    });
  }

  #usesOf(source: string): ExpressionUses | ExpressionProblem {
    const known = this.#uses.get(source);
    if (known !== undefined) return known;
    const found = findUses(this.#rootEnvironment(), source);
    this.#uses.set(source, found);
    return found;
  }

  #rootEnvironment(): Environment {
    this.#root ??= createRootEnvironment();
    return this.#root;
  }

  #environmentOf(key: string, kind: ScopeShape['kind'], fields: CelFields): Environment {
    const known = this.#environments.get(key);
    if (known !== undefined) return known;
    const isBase = key === kind;
    const environment = isBase
      ? registerFields(this.#rootEnvironment().clone(), fixedFieldsOf(kind, this.#varFields))
      : registerFields(this.#environmentOf(kind, kind, {}).clone(), fields);
    this.#environments.set(key, environment);
    if (this.#environments.size > MAX_KEPT_ENVIRONMENTS) this.#forgetOldest();
    return environment;
  }

  /** All others are made from the two that only have the fixed names. */
  #forgetOldest(): void {
    const oldest = this.#environments.keys().find((key) => key !== 'rule' && key !== 'playbook');
    if (oldest !== undefined) this.#environments.delete(oldest);
  }
}

function findUses(environment: Environment, source: string): ExpressionUses | ExpressionProblem {
  if (source.length > MAX_EXPRESSION_LENGTH) {
    return { message: `the expression is longer than ${MAX_EXPRESSION_LENGTH} characters`, start: 0, end: source.length };
  }
  const parsed = parse(environment, source);
  if (!(parsed instanceof Program)) return withHint(parsed, source);
  const names = new Set<string>();
  const steps = new Set<string>();
  let mentions = 0;
  let withId = 0;
  for (const node of walkTree(parsed.original)) {
    if (node.op === 'id') names.add(node.args);
    if (node.op === 'id' && node.args === 'steps') mentions++;
    const id = stepIdOf(node);
    if (id === undefined) continue;
    steps.add(id);
    withId++;
  }
  return { names, steps, wholeSteps: mentions > withId };
}

/** The id of `steps.ID`, however it is written. */
function stepIdOf(node: ASTNode): string | undefined {
  if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return undefined;
  const [object, key] = node.args;
  if (object.op !== 'id' || object.args !== 'steps') return undefined;
  if (typeof key === 'string') return key;
  return key.op === 'value' && typeof key.args === 'string' ? key.args : undefined;
}

interface ProgramParts {
  contextOf(scope: Scope): Map<string, unknown>;
  build(): Program;
}

class CheckedExpression implements Expression {
  readonly source: string;
  readonly type: string;
  readonly problems: readonly ExpressionProblem[] = [];
  readonly #parts: ProgramParts;
  #program: Program | undefined;

  constructor(source: string, type: string, parts: ProgramParts) {
    this.source = source;
    this.type = type;
    this.#parts = parts;
  }

  evaluate(scope: Scope): unknown {
    this.#program ??= this.#parts.build();
    return this.#program.evaluate(this.#parts.contextOf(scope));
  }
}

function faultyExpression(source: string, problems: readonly ExpressionProblem[]): Expression {
  return {
    source,
    problems,
    type: 'dyn',
    evaluate: () => {
      throw new ExpressionError('expression_error', `"${source}" is not a valid expression`);
    },
  };
}

/** A parsed expression whose calls of `matches`, `join` and `duration` are ours, and whose lists are bounded. */
class Program {
  readonly source: string;
  /** The tree of the source as it was written. */
  readonly original: ASTNode;
  readonly #bounded: BoundedSource;
  readonly #run: ParseResult;

  constructor(source: string, original: ASTNode, bounded: BoundedSource, run: ParseResult) {
    this.source = source;
    this.original = original;
    this.#bounded = bounded;
    this.#run = run;
  }

  /** The type of its value, or what is wrong. */
  check(): string | ExpressionProblem {
    const result = this.#run.check();
    if (result.valid) return result.type ?? 'dyn';
    return this.#problem(result.error ?? new EvaluationError('the expression is not valid'));
  }

  evaluate(context: Map<string, unknown>): unknown {
    try {
      const value: unknown = this.#run(context);
      return value;
    } catch (error) {
      if (error instanceof ExpressionError) throw error;
      throw this.#evaluationFault(error);
    }
  }

  #evaluationFault(error: unknown): ExpressionError {
    const isKnown = error instanceof EvaluationError || error instanceof CelTypeError;
    const code = isKnown && MISSING_CODES.has(error.code) ? 'missing_value' : 'expression_error';
    if (!isKnown)
      return new ExpressionError(code, `"${shorten(this.source)}" cannot be evaluated: ${String(error)}`, { cause: error });
    const { start, end } = this.#problem(error);
    // A missing field is marked by its name alone; with what stands before it, it can be found.
    const place = /[\w.?[\]"']*$/.exec(this.source.slice(0, end))?.[0] ?? '';
    const what = place || this.source.slice(start, end) || this.source;
    const message =
      code === 'missing_value' ? `${shorten(what)} has no value` : `"${shorten(this.source)}": ${nameAsWritten(error.summary)}`;
    return new ExpressionError(code, message, { cause: error });
  }

  #problem(error: ParseError | CelTypeError | EvaluationError): ExpressionProblem {
    const start = this.#bounded.originalOffset(error.range?.start ?? 0);
    const end = this.#bounded.originalOffset(error.range?.end ?? this.#bounded.text.length);
    return { message: nameAsWritten(error.summary), start, end };
  }
}

const MISSING_CODES = new Set(['no_such_key', 'index_out_of_bounds', 'optional_value_missing', 'unknown_variable']);

function parse(environment: Environment, source: string): Program | ExpressionProblem {
  try {
    const original = environment.parse(source).ast;
    const bounded = boundLists(source, original);
    const run = environment.parse(bounded.text);
    renameCalls(run.ast);
    return new Program(source, original, bounded, run);
  } catch (error) {
    if (!(error instanceof ParseError)) {
      // The library's parser recurses; whatever else it throws is about this text too.
      return {
        message: `cannot be parsed: ${error instanceof Error ? error.message : String(error)}`,
        start: 0,
        end: source.length,
      };
    }
    const start = Math.min(error.range?.start ?? 0, source.length);
    return { message: nameAsWritten(error.summary), start, end: Math.min(error.range?.end ?? source.length, source.length) };
  }
}

function renameCalls(root: ASTNode): void {
  for (const node of walkTree(root)) {
    if (node.op === 'call' && node.args[0] === 'duration') node.args[0] = RENAMED.duration;
    if (node.op === 'rcall' && node.args[0] === 'matches') node.args[0] = RENAMED.matches;
    if (node.op === 'rcall' && node.args[0] === 'join') node.args[0] = RENAMED.join;
  }
}

function withHint(problem: ExpressionProblem, source: string): ExpressionProblem {
  const hint = hintFor(source);
  return hint === undefined ? problem : { ...problem, message: `${problem.message}; ${hint}` };
}

/** A message of the library with the names that the author wrote. */
function nameAsWritten(message: string): string {
  let text = describeCelTypes(message);
  for (const [written, ours] of Object.entries(RENAMED)) text = text.replaceAll(ours, written);
  for (const name of Object.keys(BOUNDS)) text = text.replaceAll(name, 'list');
  return text;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
