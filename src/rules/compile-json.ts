import type { Json, JsonObject } from '../domain/json.ts';
import type { TextPlace } from '../domain/parameter.ts';
import type { Scope } from '../domain/scope.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { ExpressionCompiler } from './expression-compiler.ts';
import type { ScopeShape } from './expression-scope.ts';
import { reportExpression } from './report-problem.ts';
import type { ReportProblem } from './report-problem.ts';
import { compilePlacedText, compileTemplate } from './template.ts';
import type { CompiledTemplate } from './template.ts';
import { isJsonList } from './is-json-list.ts';

/** What a value is compiled with: the names that its expressions see, and where its problems go. */
export interface ValueContext {
  readonly compiler: ExpressionCompiler;
  readonly shape: ScopeShape;
  readonly report: ReportProblem;
  /** Where a text of the value ends up, if it needs care there. */
  readonly place?: TextPlace;
}

/** A value of a `with`: data, one template, or a list or mapping that holds templates. */
export type CompiledValue =
  | { readonly kind: 'constant'; readonly value: Json }
  | { readonly kind: 'template'; readonly template: CompiledTemplate }
  | { readonly kind: 'list'; readonly entries: readonly CompiledValue[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, CompiledValue> };

/** Compiles the templates in a value, however deep they stand. */
export function compileJson(value: Json, context: ValueContext, path: YamlPath): CompiledValue {
  if (typeof value === 'string') {
    const template =
      context.place === undefined
        ? compileTemplate(context.compiler, value, context.shape)
        : compilePlacedText(context.compiler, value, context.shape, context.place);
    reportExpression(context.report, path, template.problems);
    return template.isConstant ? { kind: 'constant', value } : { kind: 'template', template };
  }
  if (typeof value !== 'object' || value === null) return { kind: 'constant', value };
  if (isJsonList(value)) {
    const entries = value.map((entry, index) => compileJson(entry, context, [...path, index]));
    return entries.every((entry) => entry.kind === 'constant') ? { kind: 'constant', value } : { kind: 'list', entries };
  }
  const entries = new Map(
    Object.entries(value).map(([key, entry]) => [key, compileJson(entry, context, [...path, key])] as const),
  );
  const isConstant = [...entries.values()].every((entry) => entry.kind === 'constant');
  return isConstant ? { kind: 'constant', value } : { kind: 'map', entries };
}

/** Renders the values of a mapping; throws `ExpressionError`. */
export function renderEntries(entries: ReadonlyMap<string, CompiledValue>, scope: Scope): JsonObject {
  return Object.fromEntries([...entries].map(([name, value]) => [name, renderJson(value, scope)]));
}

/** Renders all templates in a value; throws `ExpressionError`. */
export function renderJson(value: CompiledValue, scope: Scope): Json {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'template':
      return value.template.render(scope);
    case 'list':
      return value.entries.map((entry) => renderJson(entry, scope));
    case 'map':
      return renderEntries(value.entries, scope);
  }
}
