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
import { createContext, fieldsOf, fieldsOfVars, registerFields } from './expression-scope.ts';
import type { ScopeShape } from './expression-scope.ts';
import { walkTree } from './syntax-tree.ts';

/** The longest expression, in characters. */
export const MAX_EXPRESSION_LENGTH = 4_096;

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
 * Checks expressions against the names of their place, and evaluates them. Equal expressions of equal places are one;
 * what is needed to evaluate one is made when it is first evaluated, so that thousands of rules stay small.
 */
export class ExpressionCompiler {
  readonly vars: JsonObject;
  readonly #varFields: CelFields;
  readonly #shapeKeys = new WeakMap<ScopeShape, string>();
  readonly #shapes = new Map<string, ScopeShape>();
  readonly #environments = new Map<string, Environment>();
  readonly #expressions = new Map<string, Expression>();
  #root: Environment | undefined;

  constructor(vars: JsonObject) {
    this.vars = vars;
    this.#varFields = fieldsOfVars(vars);
  }

  /** Checks an expression that stands in a place of this shape. */
  compile(source: string, shape: ScopeShape): Expression {
    const shapeKey = this.#keyOf(shape);
    const key = `${shapeKey}\n${source}`;
    const known = this.#expressions.get(key);
    if (known !== undefined) return known;
    const expression = this.#check(source, shapeKey, this.#shapes.get(shapeKey) ?? shape);
    this.#expressions.set(key, expression);
    return expression;
  }

  /** Forgets what only helps while many expressions are compiled at once. */
  releaseMemory(): void {
    this.#expressions.clear();
    this.#environments.clear();
    this.#shapes.clear();
  }

  #check(source: string, shapeKey: string, shape: ScopeShape): Expression {
    const fault = (problems: readonly ExpressionProblem[]): Expression => faultyExpression(source, problems);
    if (source.length > MAX_EXPRESSION_LENGTH) {
      return fault([
        { message: `the expression is longer than ${MAX_EXPRESSION_LENGTH} characters`, start: 0, end: source.length },
      ]);
    }
    const fields = fieldsOf(shape, this.#varFields);
    const environment = this.#environmentOf(shapeKey, fields);
    const parsed = parse(environment, source);
    if (!(parsed instanceof Program)) return fault([withHint(parsed, source)]);
    const unknown = checkNames(parsed.original, fields);
    if (unknown.length > 0) return fault(unknown.map((problem) => withHint(problem, source)));
    const checked = parsed.check();
    if (typeof checked !== 'string') return fault([withHint(checked, source)]);
    const names = [...namesIn(parsed.original, fields)];
    return new CheckedExpression(
      source,
      checked,
      (scope) => createContext(names, shape, scope, this.vars),
      () => {
        const program = parse(this.#environmentOf(shapeKey, fieldsOf(shape, this.#varFields)), source);
        if (program instanceof Program && typeof program.check() === 'string') return program;
        throw new ExpressionError('expression_error', `"${source}" could not be compiled again`);
      },
    );
  }

  #keyOf(shape: ScopeShape): string {
    let key = this.#shapeKeys.get(shape);
    if (key === undefined) {
      key = JSON.stringify([shape.kind, fieldsOf(shape, {})]);
      this.#shapeKeys.set(shape, key);
      if (!this.#shapes.has(key)) this.#shapes.set(key, shape);
    }
    return key;
  }

  #environmentOf(key: string, fields: CelFields): Environment {
    const known = this.#environments.get(key);
    if (known !== undefined) return known;
    this.#root ??= createRootEnvironment();
    const environment = registerFields(this.#root.clone(), fields);
    this.#environments.set(key, environment);
    if (this.#environments.size > MAX_KEPT_ENVIRONMENTS) {
      const oldest = this.#environments.keys().next();
      if (!oldest.done) this.#environments.delete(oldest.value);
    }
    return environment;
  }
}

class CheckedExpression implements Expression {
  readonly source: string;
  readonly type: string;
  readonly problems: readonly ExpressionProblem[] = [];
  readonly #contextOf: (scope: Scope) => Map<string, unknown>;
  readonly #build: () => Program;
  #program: Program | undefined;

  constructor(source: string, type: string, contextOf: (scope: Scope) => Map<string, unknown>, build: () => Program) {
    this.source = source;
    this.type = type;
    this.#contextOf = contextOf;
    this.#build = build;
  }

  evaluate(scope: Scope): unknown {
    this.#program ??= this.#build();
    return this.#program.evaluate(this.#contextOf(scope));
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
    const place = this.source.slice(0, end).match(/[\w.?[\]"']*$/)?.[0] ?? '';
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

function* namesIn(root: ASTNode, fields: CelFields): Generator<string> {
  const seen = new Set<string>();
  for (const node of walkTree(root)) {
    if (node.op !== 'id' || seen.has(node.args) || !Object.hasOwn(fields, node.args)) continue;
    seen.add(node.args);
    yield node.args;
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
