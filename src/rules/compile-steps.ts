import type { Json, JsonObject } from '../domain/json.ts';
import type { PlaybookCall, Step, Template } from '../domain/rule.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { compileCall } from './compile-call.ts';
import type { CompiledCall } from './compile-call.ts';
import { compileApproval, compileDuration } from './compile-context.ts';
import type { CompileContext, CompiledPlaybook } from './compile-context.ts';
import { compileJson, renderJson } from './compile-json.ts';
import { compileParameters } from './compile-parameters.ts';
import type { ScopeShape, StepShape } from './expression-scope.ts';
import { reportExpression } from './report-problem.ts';
import type { StepDefinition } from './rule-file-schema.ts';
import { compileCondition, compileTemplate, compileValue } from './template.ts';
import { isJsonList } from './is-json-list.ts';

/** The most rounds of a `for_each`. */
const MAX_ROUNDS = 100;

const DEFAULT_STEP_TIMEOUT_MS = 30_000;
const DEFAULT_BACKOFF_MS = 1_000;
// The steps of a playbook have timeouts of their own, and the run's bounds them all.
const PLAYBOOK_STEP_TIMEOUT_MS = 7 * 24 * 3_600_000;

/** A list of steps that was compiled. */
export interface CompiledSteps {
  readonly steps: readonly Step[];
  /** As written, with the connections filled in. */
  readonly definitions: readonly StepDefinition[];
  /** What later steps may refer to. */
  readonly shapes: ReadonlyMap<string, StepShape>;
  readonly playbooks: readonly CompiledPlaybook[];
}

/** Compiles steps in their order: each sees the ones before it. Ids are unique among `before` and these. */
export function compileSteps(
  definitions: readonly StepDefinition[],
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): CompiledSteps {
  const shapes = new Map(shape.steps);
  const steps: Step[] = [];
  const filled: StepDefinition[] = [];
  const playbooks: CompiledPlaybook[] = [];
  definitions.forEach((definition, index) => {
    const stepPath = [...path, index];
    const id = definition.id ?? `step_${shapes.size + 1}`;
    if (shapes.has(id)) context.report([...stepPath, 'id'], `another step is called '${id}'`);
    const compiled = compileStep(id, definition, { ...shape, steps: new Map(shapes) }, context, stepPath);
    shapes.set(id, compiled.shape);
    filled.push(compiled.definition);
    if (compiled.step !== undefined) steps.push(compiled.step);
    if (compiled.playbook !== undefined) playbooks.push(compiled.playbook);
  });
  return { steps, definitions: filled, shapes, playbooks };
}

interface CompiledStep {
  /** Absent after a problem. */
  readonly step?: Step;
  readonly definition: StepDefinition;
  readonly shape: StepShape;
  readonly playbook?: CompiledPlaybook;
}

function compileStep(
  id: string,
  definition: StepDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): CompiledStep {
  const { report } = context;
  const condition = definition.if === undefined ? undefined : compileCondition(context.compiler, definition.if, shape);
  if (condition !== undefined) reportExpression(report, [...path, 'if'], condition.problems);
  const forEach = definition.for_each === undefined ? undefined : compileForEach(definition.for_each, shape, context, path);
  const inside: ScopeShape = forEach === undefined ? shape : { ...shape, item: true };
  const target = definition.uses.startsWith('playbook/')
    ? compilePlaybookStep(definition, inside, context, path)
    : compileRemediationStep(definition, inside, context, path);
  const shapeOfStep: StepShape = { outputs: target === undefined ? 'unknown' : forEach === undefined ? target.outputs : {} };
  if (target === undefined) return { definition, shape: shapeOfStep };
  const approval = compileStepApproval(definition, context, path);
  const filled: StepDefinition = { ...definition, ...target.definition };
  const fallbackTimeoutMs = target.call.kind === 'playbook' ? PLAYBOOK_STEP_TIMEOUT_MS : DEFAULT_STEP_TIMEOUT_MS;
  const step: Step = {
    id,
    name: definition.name ?? id,
    call: target.call,
    timeoutMs: compileDuration(definition.timeout, fallbackTimeoutMs, [...path, 'timeout'], report),
    retry: {
      attempts: definition.retry?.attempts ?? 1,
      backoffMs: compileDuration(definition.retry?.backoff, DEFAULT_BACKOFF_MS, [...path, 'retry', 'backoff'], report),
    },
    onError: definition.on_error ?? 'fail',
    ...(condition === undefined ? {} : { if: condition }),
    ...(forEach === undefined ? {} : { forEach }),
    ...target.expectation,
    ...(approval === undefined ? {} : { approval }),
  };
  const playbook = target.playbook === undefined ? {} : { playbook: target.playbook };
  return { step, definition: filled, shape: shapeOfStep, ...playbook };
}

interface StepTarget {
  readonly call: Step['call'];
  readonly outputs: StepShape['outputs'];
  readonly definition: Partial<StepDefinition>;
  readonly expectation: Pick<Step, 'expect' | 'withinMs'>;
  readonly playbook?: CompiledPlaybook;
}

function compileRemediationStep(
  definition: StepDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): StepTarget | undefined {
  const compiled = compileCall(definition, shape, context, path);
  if (compiled === undefined) return undefined;
  const { remediation, effect } = compiled.call;
  if (definition.within !== undefined && definition.expect === undefined) {
    context.report([...path, 'within'], '`within` says how long `expect` may take; there is no `expect`', { at: 'key' });
  }
  if (definition.within !== undefined && effect !== 'read') {
    context.report(
      [...path, 'within'],
      `\`within\` repeats the step, and ${remediation.name} changes something: wait in a step of its own`,
      {
        at: 'key',
      },
    );
  }
  return {
    call: compiled.call,
    outputs: remediation.outputs,
    definition: replaceCall(definition, compiled.definition),
    expectation: compileExpectation(definition, { ...shape, output: remediation.outputs }, context, path),
  };
}

function replaceCall(written: StepDefinition, filled: CompiledCall['definition']): Partial<StepDefinition> {
  return { ...filled, ...(written.with !== undefined && filled.with === undefined ? { with: {} } : {}) };
}

/** The `expect` and `within` of a step or check. */
export function compileExpectation(
  definition: Pick<StepDefinition, 'expect' | 'within'>,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): Pick<Step, 'expect' | 'withinMs'> {
  if (definition.expect === undefined) return {};
  const expect = compileCondition(context.compiler, definition.expect, shape);
  reportExpression(context.report, [...path, 'expect'], expect.problems);
  if (definition.within === undefined) return { expect };
  return { expect, withinMs: compileDuration(definition.within, 0, [...path, 'within'], context.report) };
}

function compilePlaybookStep(
  definition: StepDefinition,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): StepTarget | undefined {
  for (const key of ['expect', 'within', 'retry', 'connection'] as const) {
    if (definition[key] !== undefined) {
      context.report([...path, key], `\`${key}\` is for remediations; write it at the steps of the playbook`, { at: 'key' });
    }
  }
  const name = definition.uses.slice('playbook/'.length);
  const compiled = compilePlaybookCall(name, definition.with ?? {}, shape, context, {
    name: [...path, 'uses'],
    with: [...path, 'with'],
  });
  if (compiled === undefined) return undefined;
  return { call: compiled.call, outputs: {}, definition: {}, expectation: {}, playbook: compiled.playbook };
}

/** A compiled call of a playbook that knows what was written. */
export interface WrittenPlaybookCall extends PlaybookCall {
  readonly written: { readonly with: JsonObject };
}

/** A call of a playbook by name; `undefined` when there is none, after reporting it. */
export function compilePlaybookCall(
  name: string,
  values: Readonly<Record<string, Json>>,
  shape: ScopeShape,
  context: CompileContext,
  paths: { readonly name: YamlPath; readonly with: YamlPath },
): { readonly call: PlaybookCall; readonly playbook: CompiledPlaybook } | undefined {
  const { compiler, report, approval } = context;
  const playbook = context.playbooks.find(name, approval, paths.name, report);
  if (playbook === undefined) return undefined;
  const params = compileParameters(playbook.playbook.params, values, { compiler, shape, report }, paths.with);
  const call: WrittenPlaybookCall = {
    kind: 'playbook',
    playbook: playbook.playbook,
    render: (scope) => params.render(scope),
    written: { with: values },
  };
  return { call, playbook };
}

function compileStepApproval(definition: StepDefinition, context: CompileContext, path: YamlPath): Step['approval'] {
  const { approval } = definition;
  if (approval === undefined || approval === false) return undefined;
  const at = [...path, 'approval'];
  return compileApproval(approval === true ? undefined : approval, context.approval, context.settings, at, context.report);
}

function compileForEach(written: string | Json, shape: ScopeShape, context: CompileContext, stepPath: YamlPath): Template {
  const path = [...stepPath, 'for_each'];
  if (typeof written !== 'string') {
    const value = compileJson(written, { compiler: context.compiler, shape, report: context.report }, path);
    return { source: JSON.stringify(written), render: (scope) => requireRounds(renderJson(value, scope)) };
  }
  const template = written.includes('{{')
    ? compileTemplate(context.compiler, written, shape)
    : compileValue(context.compiler, written, shape);
  reportExpression(context.report, path, template.problems);
  const isList = /^(?:dyn$|list)/.test(template.type);
  if (template.problems.length === 0 && !isList) context.report(path, `\`for_each\` needs a list; this is a ${template.type}`);
  return { source: written, render: (scope) => requireRounds(template.render(scope)) };
}

function requireRounds(value: Json): Json {
  if (!isJsonList(value)) throw new ExpressionError('expression_error', '`for_each` needs a list');
  if (value.length > MAX_ROUNDS) {
    throw new ExpressionError('expression_error', `\`for_each\` has ${value.length} entries; at most ${MAX_ROUNDS} are allowed`);
  }
  return value;
}
