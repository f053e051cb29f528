import type { Json } from '../domain/json.ts';
import type { TextPlace } from '../domain/parameter.ts';
import type { Condition, Template, TextTemplate } from '../domain/rule.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { Scope } from '../domain/scope.ts';
import { describeCelTypes, isTextual } from './cel-type.ts';
import { fromCelValue, textOf } from './cel-value.ts';
import { escapeText, type EscapedPlace } from './escape-text.ts';
import type { Expression, ExpressionCompiler } from './expression-compiler.ts';
import type { ExpressionProblem } from './expression-problem.ts';
import type { ScopeShape } from './expression-scope.ts';
import { scanTemplate } from './template-scanner.ts';

/** What prints for a missing value where people read. */
const MISSING_FOR_PEOPLE = '–';

/** The longest text that a template may become, in characters. */
const MAX_RENDERED_LENGTH = 1_000_000;

type Part = string | Expression;

/** A text or value with `{{ }}` in it that was checked. */
export interface CompiledTemplate extends Template {
  readonly problems: readonly ExpressionProblem[];
  /** The type of the rendered value, as the checker writes it; `string` for mixed text. */
  readonly type: string;
  /** Whether it has no `{{ }}`: then its value is its source. */
  readonly isConstant: boolean;
  /** The value in the form of the expression language. */
  evaluate(scope: Scope): unknown;
}

/** A text with `{{ }}`; a single one keeps the type of its value. */
export function compileTemplate(compiler: ExpressionCompiler, source: string, shape: ScopeShape): CompiledTemplate {
  const { parts, problems } = compileParts(compiler, source, shape);
  const [single] = parts;
  if (parts.length === 1 && single !== undefined && typeof single !== 'string') {
    return {
      source,
      problems: [...problems, ...optionalProblem(single, source)],
      type: single.type,
      isConstant: false,
      evaluate: (scope) => single.evaluate(scope),
      render: (scope) => requireValue(fromCelValue(single.evaluate(scope)), source),
    };
  }
  const evaluate = (scope: Scope): string => renderText(parts, scope, source);
  const isConstant = parts.every((part) => typeof part === 'string');
  return {
    source,
    problems: [...problems, ...textProblems(parts, source)],
    type: 'string',
    isConstant,
    evaluate,
    render: evaluate,
  };
}

/** A text for a place where the values of its expressions need care; it stays a text, also when it is one single `{{ }}`. */
export function compilePlacedText(
  compiler: ExpressionCompiler,
  source: string,
  shape: ScopeShape,
  place: TextPlace,
): CompiledTemplate {
  const { parts, problems } = compileParts(compiler, source, shape);
  const render = (scope: Scope): string =>
    place === 'message' ? renderForPeople(parts, scope) : renderText(parts, scope, source, place);
  return {
    source,
    problems: [...problems, ...textProblems(parts, source)],
    type: 'string',
    isConstant: parts.every((part) => typeof part === 'string'),
    evaluate: render,
    render,
  };
}

/** A text with `{{ }}` that was checked. */
export interface CompiledText extends TextTemplate {
  readonly problems: readonly ExpressionProblem[];
  readonly isConstant: boolean;
}

/** A text with `{{ }}` whose value is always a text. */
export function compileTextTemplate(compiler: ExpressionCompiler, source: string, shape: ScopeShape): CompiledText {
  const { parts, problems } = compileParts(compiler, source, shape);
  return {
    source,
    problems: [...problems, ...textProblems(parts, source)],
    isConstant: parts.every((part) => typeof part === 'string'),
    render: (scope) => renderText(parts, scope, source),
    renderForPeople: (scope) => renderForPeople(parts, scope),
  };
}

/** A bare expression that has to be true or false. */
export function compileCondition(
  compiler: ExpressionCompiler,
  source: string,
  shape: ScopeShape,
): Condition & { readonly problems: readonly ExpressionProblem[] } {
  const expression = compiler.compile(source, shape);
  const isBoolean = expression.type === 'bool' || expression.type === 'dyn';
  const problems = isBoolean ? expression.problems : [...expression.problems, notBoolean(expression)];
  return {
    source,
    problems,
    evaluate: (scope) => {
      const value = expression.evaluate(scope);
      if (typeof value !== 'boolean') throw new ExpressionError('expression_error', `"${source}" is neither true nor false`);
      return value;
    },
  };
}

/** A bare expression with any value. */
export function compileValue(compiler: ExpressionCompiler, source: string, shape: ScopeShape): CompiledTemplate {
  const expression = compiler.compile(source, shape);
  return {
    source,
    problems: [...expression.problems, ...optionalProblem(expression, source)],
    type: expression.type,
    isConstant: false,
    evaluate: (scope) => expression.evaluate(scope),
    render: (scope) => requireValue(fromCelValue(expression.evaluate(scope)), source),
  };
}

function compileParts(
  compiler: ExpressionCompiler,
  source: string,
  shape: ScopeShape,
): { readonly parts: readonly Part[]; readonly problems: readonly ExpressionProblem[] } {
  const scanned = scanTemplate(source);
  const problems = [...scanned.problems];
  const parts = scanned.parts.map((part): Part => {
    if (part.kind === 'text') {
      problems.push(...shellSyntaxProblems(part.text, source));
      return part.text;
    }
    const expression = compiler.compile(part.source, shape);
    for (const { message, start, end } of expression.problems) {
      problems.push({ message, start: part.start + start, end: part.start + end });
    }
    return expression;
  });
  return { parts, problems };
}

function shellSyntaxProblems(text: string, source: string): readonly ExpressionProblem[] {
  const found = /\$\{\s*(?:labels|annotations|alerts?|params|steps|run|vars|item|output)\b/.exec(text);
  if (found === null) return [];
  const start = source.indexOf(found[0]);
  return [{ message: "'${…}' is not replaced here: write {{ … }}", start, end: start + found[0].length }];
}

function textProblems(parts: readonly Part[], source: string): readonly ExpressionProblem[] {
  return parts.flatMap((part) => {
    if (typeof part === 'string' || part.problems.length > 0 || isTextual(part.type)) return [];
    const start = source.indexOf(part.source);
    const message = part.type.startsWith('optional')
      ? 'the value may be absent: end it with .orValue("…")'
      : `a ${describeCelTypes(part.type)} cannot stand inside a text; use string(…), join(", ") or one of its entries`;
    return [{ message, start, end: start + part.source.length }];
  });
}

function optionalProblem(expression: Expression, source: string): readonly ExpressionProblem[] {
  if (!expression.type.startsWith('optional')) return [];
  return [{ message: 'the value may be absent: end it with .orValue(…)', start: 0, end: source.length }];
}

function notBoolean(expression: Expression): ExpressionProblem {
  const type = describeCelTypes(expression.type);
  return { message: `the condition is a ${type}; it has to be true or false`, start: 0, end: expression.source.length };
}

function renderText(parts: readonly Part[], scope: Scope, source: string, place?: EscapedPlace): string {
  const text = parts.reduce<string>((before, part) => {
    if (typeof part === 'string') return before + part;
    const value = textOf(part.evaluate(scope));
    if (value === '') throw new ExpressionError('missing_value', `{{ ${part.source} }} is empty`);
    return before + (place === undefined ? value : escapeText(place, value, before));
  }, '');
  return checkedLength(requireText(text, source));
}

function renderForPeople(parts: readonly Part[], scope: Scope): string {
  const texts = parts.map((part) => {
    if (typeof part === 'string') return part;
    try {
      return textOf(part.evaluate(scope)) || MISSING_FOR_PEOPLE;
    } catch {
      return MISSING_FOR_PEOPLE;
    }
  });
  return texts.join('').slice(0, MAX_RENDERED_LENGTH);
}

function requireText(text: string, source: string): string {
  if (text === '') throw new ExpressionError('missing_value', `"${source}" is empty`);
  return text;
}

function requireValue(value: Json, source: string): Json {
  if (value === null || value === '') throw new ExpressionError('missing_value', `${source} is empty`);
  return value;
}

function checkedLength(text: string): string {
  if (text.length > MAX_RENDERED_LENGTH) {
    throw new ExpressionError('expression_error', `the text is longer than ${MAX_RENDERED_LENGTH} characters`);
  }
  return text;
}
