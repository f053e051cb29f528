import { PatternError, compilePattern } from '../domain/pattern.ts';
import type { Json } from '../domain/json.ts';
import { ParameterError, parseParameter } from '../domain/parameter.ts';
import type { ParameterSpec, ParameterSpecs, ParameterType } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { constantFault } from './compile-parameters.ts';
import type { ExpressionCompiler } from './expression-compiler.ts';
import { reportExpression } from './report-problem.ts';
import type { ReportProblem } from './report-problem.ts';
import type { ParameterDefinition } from './rule-file-schema.ts';
import { compileTemplate } from './template.ts';

/** The `params` of a playbook or rule. A default or bound may be an expression over `vars`. */
export function compileSpecs(
  definitions: Readonly<Record<string, ParameterDefinition>>,
  compiler: ExpressionCompiler,
  path: YamlPath,
  report: ReportProblem,
): ParameterSpecs {
  const entries = Object.entries(definitions).map(([name, definition]) => {
    return [name, compileSpec(name, definition, { compiler, path: [...path, name], report })] as const;
  });
  return Object.fromEntries(entries);
}

interface SpecContext {
  readonly compiler: ExpressionCompiler;
  readonly path: YamlPath;
  readonly report: ReportProblem;
}

function compileSpec(name: string, definition: ParameterDefinition, context: SpecContext): ParameterSpec {
  const { type, description, required, pattern } = definition;
  const min = compileBound('min', definition.min, type, context);
  const max = compileBound('max', definition.max, type, context);
  const allowed = definition.enum?.map((value, index) => parseAllowed(type, value, index, context));
  if (pattern !== undefined) checkPattern(pattern, context);
  const spec: ParameterSpec = {
    type,
    ...(description === undefined ? {} : { description }),
    ...(required === undefined ? {} : { required }),
    ...(allowed === undefined ? {} : { enum: allowed }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
  if (definition.default === undefined) return spec;
  const value = renderConstant(definition.default, 'default', context);
  const fault = value === undefined ? undefined : constantFault(name, spec, value);
  if (fault !== undefined) context.report([...context.path, 'default'], fault);
  return value === undefined ? spec : { ...spec, default: value };
}

function compileBound(
  key: 'min' | 'max',
  written: number | string | undefined,
  type: ParameterType,
  context: SpecContext,
): number | undefined {
  if (written === undefined) return undefined;
  const value = renderConstant(written, key, context);
  if (value === undefined) return undefined;
  const parsed = tryParse(type, value);
  if (typeof parsed === 'number') return parsed;
  context.report(
    [...context.path, key],
    `'${key}' is for numbers, durations and sizes, and has to be one: the parameter is a ${type}`,
  );
  return undefined;
}

// Values are compared after they are parsed, so that 60s is among [1m].
function parseAllowed(type: ParameterType, value: Json, index: number, context: SpecContext): Json {
  const parsed = tryParse(type, value);
  if (parsed === undefined) context.report([...context.path, 'enum', index], `${JSON.stringify(value)} is not a ${type}`);
  return parsed ?? value;
}

function tryParse(type: ParameterType, value: Json): Json | undefined {
  try {
    return parseParameter('value', { type }, value, matchesPattern);
  } catch (error) {
    if (error instanceof ParameterError) return undefined;
    throw error;
  }
}

function checkPattern(pattern: string, context: SpecContext): void {
  try {
    compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    context.report([...context.path, 'pattern'], error.message);
  }
}

/** The value of a constant that may use `vars`; `undefined` after a problem. */
function renderConstant(value: Json, key: string, context: SpecContext): Json | undefined {
  if (typeof value !== 'string') return value;
  const path = [...context.path, key];
  const template = compileTemplate(context.compiler, value, { kind: 'playbook', params: {}, steps: new Map() });
  reportExpression(context.report, path, template.problems);
  if (template.isConstant) return value;
  if (template.problems.length > 0) return undefined;
  try {
    return template.render({ now: 0 });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    context.report(path, `${error.message}; only vars are known here`);
    return undefined;
  }
}
