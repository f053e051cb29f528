import type { Step } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { isWrittenCall } from './compile-call.ts';
import type { CompileContext } from './compile-context.ts';
import { compileSteps } from './compile-steps.ts';
import type { CompiledSteps } from './compile-steps.ts';
import type { ScopeShape } from './expression-scope.ts';
import type { StepDefinition } from './rule-file-schema.ts';

const SILENCE = 'alertmanager.silence';
const EXPIRE = 'alertmanager.expire_silence';

/** The steps of a playbook, and those that follow them at its end. */
export interface StepLists {
  readonly steps: CompiledSteps;
  readonly last: CompiledSteps;
}

/**
 * A step `expire_ID` for each of `steps` that makes a silence: they belong behind the written ones of `finally`. They are
 * no part of the definition, so that a stored rule gets them anew and its digest is that of what was written.
 */
export function expireSilences(
  { steps, last }: StepLists,
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): readonly Step[] {
  for (const { id } of last.steps.filter(makesSilence)) {
    context.report([...path, 'finally'], `step '${id}' makes a silence at the end of the run: make it in \`steps\``);
  }
  const taken = new Set(last.shapes.keys());
  const definitions = steps.steps.flatMap((step): readonly StepDefinition[] => {
    const connection = connectionOf(step);
    if (connection === undefined) return [];
    if (step.forEach !== undefined && connection.includes('{{')) {
      const message = `the \`connection\` of a silence in \`for_each\` is a name without {{ }}: '${step.id}' is ended there too`;
      context.report([...path, 'steps'], message);
      return [];
    }
    const id = freeId(`expire_${step.id}`, taken);
    taken.add(id);
    return [expireStep(id, step, connection)];
  });
  return compileSteps(definitions, { ...shape, steps: last.shapes }, context, [...path, 'steps']).steps;
}

function makesSilence({ call }: Step): boolean {
  return call.kind === 'remediation' && call.remediation.name === SILENCE;
}

/** Where a step makes a silence; `undefined` for other steps, and where a newcomer has no connection yet. */
function connectionOf(step: Step): string | undefined {
  const { call } = step;
  return makesSilence(step) && call.kind === 'remediation' && isWrittenCall(call) ? call.written.connection : undefined;
}

/** By its output, not by its state: a silence is also there when its step's `expect` was not met. */
function expireStep(id: string, { id: ofStep, name, forEach }: Step, connection: string): StepDefinition {
  const shared = { id, name: `end the silence of ${name}`, uses: EXPIRE, connection, retry: { attempts: 3, backoff: '2s' } };
  if (forEach === undefined) {
    return { ...shared, if: `has(steps.${ofStep}.output.id)`, with: { id: `{{ steps.${ofStep}.output.id }}` } };
  }
  const ids = `steps.${ofStep}.items.filter(round, has(round.output.id)).map(round, round.output.id)`;
  return { ...shared, for_each: ids, with: { id: '{{ item }}' } };
}

function freeId(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let count = 2; ; count += 1) {
    const id = `${wanted}_${count}`;
    if (!taken.has(id)) return id;
  }
}
