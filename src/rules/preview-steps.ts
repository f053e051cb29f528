import type { Json, JsonObject } from '../domain/json.ts';
import { ParameterError } from '../domain/parameter.ts';
import type { Playbook, PlaybookCall, Rule, Step } from '../domain/rule.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { Scope } from '../domain/scope.ts';
import { isWrittenCall } from './compile-call.ts';

/** A step of a rule as `explain` shows it. */
export interface StepPreview {
  /** With the ids of the playbook steps around it: `scale/rollout`. */
  readonly id: string;
  readonly uses: string;
  /** 0 for the rule's own steps, 1 for its first fallback, … */
  readonly rung: number;
  readonly finally: boolean;
  readonly if: string | null;
  readonly for_each: Json;
  readonly connection: string | null;
  /** Rendered, or as written when it needs what earlier steps will return. */
  readonly with: JsonObject;
  readonly rendered: boolean;
  readonly approval: boolean;
}

/** All steps of a rule with their values, as far as they can be rendered before the first one has run. */
export function previewSteps(rule: Rule, scope: Scope): readonly StepPreview[] {
  return rule.rungs.flatMap((rung, index) =>
    previewPlaybook(rung.playbook, paramsOf(rung, scope), { prefix: '', rung: index, scope }),
  );
}

interface PreviewPlace {
  readonly prefix: string;
  readonly rung: number;
  readonly scope: Scope;
}

function previewPlaybook(playbook: Playbook, params: JsonObject | undefined, place: PreviewPlace): readonly StepPreview[] {
  const inside: PreviewPlace = { ...place, scope: scopeWith(place.scope, params) };
  return [
    ...playbook.steps.flatMap((step) => previewStep(step, false, inside)),
    ...playbook.finally.flatMap((step) => previewStep(step, true, inside)),
  ];
}

function scopeWith(scope: Scope, params: JsonObject | undefined): Scope {
  const { params: around, ...others } = scope;
  // The parameters around a playbook are not those inside of it.
  return params === undefined ? { ...others, steps: {} } : { ...others, params, steps: {} };
}

function previewStep(step: Step, isFinally: boolean, place: PreviewPlace): readonly StepPreview[] {
  const { call } = step;
  const id = `${place.prefix}${step.id}`;
  const shared = {
    id,
    rung: place.rung,
    finally: isFinally,
    if: step.if?.source ?? null,
    for_each: step.forEach === undefined ? null : (attempt(() => step.forEach?.render(place.scope)) ?? step.forEach.source),
    approval: step.approval !== undefined,
  };
  if (call.kind === 'playbook') {
    const params = paramsOf(call, place.scope);
    const written = writtenWith(call);
    const own = {
      ...shared,
      uses: `playbook/${call.playbook.name}`,
      connection: null,
      with: params ?? written,
      rendered: params !== undefined,
    };
    return [own, ...previewPlaybook(call.playbook, params, { ...place, prefix: `${id}/` })];
  }
  const values = attempt(() => call.render(place.scope));
  const written = isWrittenCall(call) ? call.written : { with: {} };
  return [
    {
      ...shared,
      uses: call.remediation.name,
      connection: values?.connection ?? written.connection ?? null,
      with: values?.params ?? written.with,
      rendered: values !== undefined,
    },
  ];
}

function paramsOf(call: PlaybookCall, scope: Scope): JsonObject | undefined {
  return attempt(() => call.render(scope));
}

function writtenWith(call: PlaybookCall): JsonObject {
  return 'written' in call && isWritten(call.written) ? call.written.with : {};
}

function isWritten(written: unknown): written is { readonly with: JsonObject } {
  return typeof written === 'object' && written !== null && 'with' in written;
}

/** A value, or `undefined` when it has none yet. */
function attempt<T>(render: () => T): T | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof ExpressionError || error instanceof ParameterError) return undefined;
    throw error;
  }
}
