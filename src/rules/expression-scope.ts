import type { Environment } from '@marcbachmann/cel-js';
import type { Labels } from '../domain/alert.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { OutputSpecs, OutputType, ParameterSpecs } from '../domain/parameter.ts';
import type { Scope, StepView } from '../domain/scope.ts';
import { LABELS, TIMESTAMP, celTypeOf } from './cel-type.ts';
import type { CelFields } from './cel-type.ts';
import { AlertValue, ItemValue, toCelValue } from './cel-value.ts';

/** What an expression may refer to: whose it is, and which parameters, steps and outputs exist at its place. */
export interface ScopeShape {
  readonly kind: 'rule' | 'playbook';
  readonly params: ParameterSpecs;
  readonly steps: ReadonlyMap<string, StepShape>;
  /** Inside of `for_each`. */
  readonly item?: boolean;
  /** In `expect`. */
  readonly output?: OutputSpecs;
}

/** A step that others may refer to. `unknown` outputs are not checked: the step itself has a problem already. */
export interface StepShape {
  readonly outputs: OutputSpecs | 'unknown';
}

/** The names that only a rule's expressions see. */
export const RULE_ONLY_NAMES = ['labels', 'annotations', 'alert', 'alerts', 'group', 'incident'] as const;

/** Every name that an expression of this shape sees, with its fields. */
export function fieldsOf(shape: ScopeShape, vars: CelFields): CelFields {
  return { ...fixedFieldsOf(shape.kind, vars), ...placeFieldsOf(shape) };
}

/** The names that mean the same in all expressions of rules, or in all of playbooks. */
export function fixedFieldsOf(kind: ScopeShape['kind'], vars: CelFields): CelFields {
  return { ...(kind === 'rule' ? RULE_FIELDS : {}), run: RUN_FIELDS, vars, now: TIMESTAMP };
}

/** The names whose fields depend on the place of the expression. */
export function placeFieldsOf(shape: ScopeShape): CelFields {
  return {
    params: mapTypes(shape.params),
    steps: Object.fromEntries([...shape.steps].map(([id, step]) => [id, stepFields(step)])),
    ...(shape.item === true ? { item: 'dyn' } : {}),
    ...(shape.output === undefined ? {} : { output: mapTypes(shape.output) }),
  };
}

/** The shape without what an expression does not use: so that equal expressions of different rules are one. */
export function reduceShape(shape: ScopeShape, uses: ExpressionUses): ScopeShape {
  const steps = new Map<string, StepShape>();
  for (const id of uses.steps) {
    const step = shape.steps.get(id);
    if (step !== undefined) steps.set(id, step);
  }
  return {
    kind: shape.kind,
    params: uses.names.has('params') ? shape.params : {},
    steps: uses.wholeSteps ? shape.steps : steps,
    ...(shape.item === true && uses.names.has('item') ? { item: true } : {}),
    ...(shape.output !== undefined && uses.names.has('output') ? { output: shape.output } : {}),
  };
}

/** What an expression mentions. */
export interface ExpressionUses {
  readonly names: ReadonlySet<string>;
  /** The ids in `steps.ID`. */
  readonly steps: ReadonlySet<string>;
  /** Whether `steps` also stands without an id behind it. */
  readonly wholeSteps: boolean;
}

const ALERT_FIELDS: CelFields = {
  status: 'string',
  labels: LABELS,
  annotations: LABELS,
  fingerprint: 'string',
  starts_at: TIMESTAMP,
};
const RUN_FIELDS: CelFields = { id: 'string', attempt: 'int', failed: 'bool', actor: 'string' };
const RULE_FIELDS: CelFields = {
  labels: LABELS,
  annotations: LABELS,
  alert: ALERT_FIELDS,
  alerts: 'list<Alert>',
  group: LABELS,
  incident: { id: 'string', severity: 'string', status: 'string', started_at: TIMESTAMP },
};

function mapTypes(specs: Readonly<Record<string, { readonly type: OutputType }>>): CelFields {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, celTypeOf(spec.type)]));
}

function stepFields(step: StepShape): CelFields {
  return {
    state: 'string',
    error: 'string',
    items: 'list<Item>',
    output: step.outputs === 'unknown' ? 'dyn' : mapTypes(step.outputs),
  };
}

/** The fields of the configured `vars`: each has the type of its value. */
export function fieldsOfVars(vars: JsonObject): CelFields {
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, celTypeOf(typeOfValue(value))]));
}

function typeOfValue(value: Json): OutputType {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isSafeInteger(value) ? 'int' : 'number';
    default:
      return value === null ? 'any' : Array.isArray(value) ? 'list' : 'map';
  }
}

/** Makes the names known to the checker. */
export function registerFields(environment: Environment, fields: CelFields): Environment {
  for (const [name, type] of Object.entries(fields)) {
    if (typeof type === 'string') environment.registerVariable(name, type);
    // Its values are instances, shared with `alerts`.
    else if (name === 'alert') environment.registerVariable(name, 'Alert');
    else environment.registerVariable({ name, schema: type });
  }
  return environment;
}

/** The values of the names that an expression uses. A name without a value is left out. Throws `ExpressionError`. */
export function createContext(names: Iterable<string>, shape: ScopeShape, scope: Scope, vars: JsonObject): Map<string, unknown> {
  const context = new Map<string, unknown>();
  for (const name of names) {
    const value = valueOf(name, shape, scope, vars);
    if (value !== undefined) context.set(name, value);
  }
  return context;
}

function valueOf(name: string, shape: ScopeShape, scope: Scope, vars: JsonObject): unknown {
  switch (name) {
    case 'labels':
    case 'annotations':
    case 'group':
      return labelMap(scope[name]);
    case 'alert':
      return scope.alert && new AlertValue(scope.alert);
    case 'alerts':
      return scope.alerts?.map((alert) => new AlertValue(alert));
    case 'incident':
      return (
        scope.incident &&
        new Map<string, unknown>([...Object.entries(scope.incident), ['started_at', new Date(scope.incident.started_at)]])
      );
    case 'params':
      return scope.params && typedMap(shape.params, scope.params, 'params');
    case 'steps':
      return stepMap(shape.steps, scope.steps ?? {});
    case 'run':
      return scope.run && new Map<string, unknown>([...Object.entries(scope.run), ['attempt', BigInt(scope.run.attempt)]]);
    case 'vars':
      return toCelValue('map', vars, 'vars');
    case 'now':
      return new Date(scope.now);
    case 'item':
      return scope.item === undefined ? undefined : toCelValue('any', scope.item, 'item');
    case 'output':
      return shape.output && scope.output && typedMap(shape.output, scope.output, 'output');
    default:
      return undefined;
  }
}

function labelMap(labels: Labels | undefined): ReadonlyMap<string, string> | undefined {
  return labels && new Map(Object.entries(labels));
}

type Specs = Readonly<Record<string, { readonly type: OutputType }>>;

function typedMap(specs: Specs, values: JsonObject, place: string): ReadonlyMap<string, unknown> {
  const map = new Map<string, unknown>();
  for (const [name, spec] of Object.entries(specs)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const converted = value === undefined ? undefined : toCelValue(spec.type, value, `${place}.${name}`);
    if (converted !== undefined) map.set(name, converted);
  }
  return map;
}

function stepMap(
  shapes: ReadonlyMap<string, StepShape>,
  steps: Readonly<Record<string, StepView>>,
): ReadonlyMap<string, unknown> {
  const map = new Map<string, unknown>();
  for (const [id, shape] of shapes) {
    const step = Object.hasOwn(steps, id) ? steps[id] : undefined;
    if (step !== undefined) map.set(id, stepValue(id, shape, step));
  }
  return map;
}

function stepValue(id: string, shape: StepShape, step: StepView): ReadonlyMap<string, unknown> {
  const outputs = shape.outputs === 'unknown' ? undefined : typedMap(shape.outputs, step.output, `steps.${id}.output`);
  return new Map<string, unknown>([
    ['state', step.state],
    ['error', step.error],
    ['items', step.items.map((entry) => new ItemValue(entry))],
    ['output', outputs],
  ]);
}
