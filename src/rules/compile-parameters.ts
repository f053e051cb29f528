import type { Json, JsonObject } from '../domain/json.ts';
import { ParameterError, parseParameter, parseParameters } from '../domain/parameter.ts';
import type { ParameterSpec, ParameterSpecs, ParameterType } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import type { Scope } from '../domain/scope.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { DURATION, TIMESTAMP, describeCelTypes } from './cel-type.ts';
import { suggestName } from '../schema/nearest-name.ts';
import { compileJson, renderEntries } from './compile-json.ts';
import type { CompiledValue, ValueContext } from './compile-json.ts';
import type { ReportProblem } from './report-problem.ts';

/** The values of a `with`, checked against the parameters that they are for. */
export interface CompiledParameters {
  /** Those that are constants, parsed, with the defaults of those that are not written. */
  readonly constants: JsonObject;
  /** The names of those that hold expressions. */
  readonly rendered: ReadonlySet<string>;
  /** All values, rendered and parsed; throws `ExpressionError` or `ParameterError`. */
  render(scope: Scope): JsonObject;
}

/** Checks a `with`: names, required ones, constants by value and expressions by type. */
export function compileParameters(
  specs: ParameterSpecs,
  values: JsonObject,
  context: ValueContext,
  path: YamlPath,
): CompiledParameters {
  const { report } = context;
  const written = new Map<string, CompiledValue>();
  for (const [name, value] of Object.entries(values)) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) {
      report([...path, name], `unknown parameter '${name}'${suggestName(name, Object.keys(specs))}`, {
        at: 'key',
      });
      continue;
    }
    // A whole list comes from elsewhere: only a text, or texts in a list that is written here, have a place.
    const isPlaced = spec.place !== undefined && (spec.type === 'string' || typeof value !== 'string');
    const placed = isPlaced ? { ...context, place: spec.place } : context;
    const compiled = compileJson(value, placed, [...path, name]);
    checkValue(name, spec, value, compiled, report, [...path, name]);
    written.set(name, compiled);
  }
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.required === true && spec.default === undefined && !Object.hasOwn(values, name)) {
      report(path, `parameter '${name}' is missing (${spec.type})`);
    }
  }
  return {
    constants: parseConstants(specs, written),
    rendered: new Set([...written].flatMap(([name, value]) => (value.kind === 'constant' ? [] : [name]))),
    render: (scope) => parseParameters(specs, renderEntries(written, scope), matchesPattern),
  };
}

function checkValue(
  name: string,
  spec: ParameterSpec,
  written: Json,
  value: CompiledValue,
  report: ReportProblem,
  path: YamlPath,
): void {
  switch (value.kind) {
    case 'constant': {
      const fault = constantFault(name, spec, written);
      if (fault !== undefined) report(path, fault);
      return;
    }
    case 'template': {
      if (value.template.problems.length > 0) return;
      const fault = typeFault(spec.type, value.template.type);
      if (fault !== undefined) report(path, `parameter '${name}' is a ${spec.type}: ${fault}`);
      return;
    }
    case 'list':
      if (spec.type !== 'list' && spec.type !== 'any') report(path, `parameter '${name}' is a ${spec.type}, not a list`);
      return;
    case 'map':
      if (spec.type !== 'map' && spec.type !== 'any') report(path, `parameter '${name}' is a ${spec.type}, not a mapping`);
      return;
  }
}

/** Why a value that is written as a constant does not fit its parameter. */
export function constantFault(name: string, spec: ParameterSpec, value: Json): string | undefined {
  if (value === null) return `parameter '${name}' is empty`;
  if (spec.type === 'duration' && typeof value === 'number')
    return `parameter '${name}' has no unit: write ${value}s or ${value}m`;
  try {
    parseParameter(name, spec, value, matchesPattern);
    return undefined;
  } catch (error) {
    if (error instanceof ParameterError) return error.message;
    throw error;
  }
}

const ACCEPTED: Readonly<Record<ParameterType, readonly string[]>> = {
  string: ['string', 'int', 'uint', 'double', 'bool', TIMESTAMP],
  int: ['int', 'uint', 'string'],
  number: ['int', 'uint', 'double', 'string'],
  bool: ['bool', 'string'],
  duration: [DURATION, 'string'],
  bytes: ['int', 'uint', 'string'],
  list: ['list'],
  map: ['map', '$'],
  any: ['string', 'int', 'uint', 'double', 'bool', 'list', 'map', '$', DURATION, TIMESTAMP, 'Alert', 'Item'],
};

/** Why an expression of this type cannot be the value of a parameter. */
function typeFault(wanted: ParameterType, celType: string): string | undefined {
  if (celType === 'dyn') return undefined;
  const base = celType.startsWith('$') ? '$' : celType.replace(/<.*$/s, '');
  if (ACCEPTED[wanted].includes(base)) return undefined;
  const hint =
    wanted === 'string' && celType === DURATION
      ? ': write string(…)'
      : wanted === 'int' && celType === 'double'
        ? ': write int(…)'
        : wanted === 'duration' && celType === 'int'
          ? ': put the unit behind it, as in {{ … }}s'
          : '';
  return `the expression is a ${describeCelTypes(celType)}${hint}`;
}

function parseConstants(specs: ParameterSpecs, written: ReadonlyMap<string, CompiledValue>): JsonObject {
  const constants: Record<string, Json> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = written.get(name);
    const constant = value === undefined ? spec.default : value.kind === 'constant' ? value.value : undefined;
    if (constant === undefined || constantFault(name, spec, constant) !== undefined) continue;
    constants[name] = parseParameter(name, spec, constant, matchesPattern);
  }
  return constants;
}
