import { parseParameters } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import type { Playbook, Rung } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { CompileContext, CompiledPlaybook } from './compile-context.ts';
import { compilePlaybookCall, compileSteps } from './compile-steps.ts';
import { expireSilences } from './expire-silences.ts';
import type { ScopeShape } from './expression-scope.ts';
import { MAX_STEPS } from './playbook-library.ts';
import type { RuleDefinition, RungDefinition } from './rule-file-schema.ts';

/** The ways of a rule to act, in order, and their definitions with connections filled in. */
export interface CompiledRungs {
  readonly rungs: readonly Rung[];
  readonly definition: Partial<RuleDefinition>;
  readonly playbooks: readonly CompiledPlaybook[];
}

/** Compiles a rule's playbook or steps, and its fallbacks. */
export function compileRungs(rule: RuleDefinition, shape: ScopeShape, context: CompileContext, path: YamlPath): CompiledRungs {
  const { playbook, steps, with: values, finally: last, fallbacks = [] } = rule;
  const acts = playbook !== undefined || steps !== undefined;
  if (!acts) {
    for (const [key, value] of Object.entries({ with: values, finally: last, fallbacks: rule.fallbacks })) {
      if (value !== undefined) context.report([...path, key], `\`${key}\` needs a \`playbook\` or \`steps\``, { at: 'key' });
    }
    return { rungs: [], definition: {}, playbooks: [] };
  }
  const first = compileRung(rule, shape, context, path);
  const others = fallbacks.map((fallback, index) => compileRung(fallback, shape, context, [...path, 'fallbacks', index]));
  const all = [first, ...others];
  const count = all.reduce((sum, rung) => sum + rung.stepCount, 0);
  if (count > MAX_STEPS) context.report(path, `${count} steps, with those of the playbooks it uses; at most ${MAX_STEPS}`);
  return {
    rungs: all.flatMap((rung) => rung.rung ?? []),
    definition: {
      ...first.definition,
      ...(rule.fallbacks === undefined ? {} : { fallbacks: others.map((rung) => rung.definition) }),
    },
    playbooks: all.flatMap((rung) => rung.playbooks),
  };
}

interface CompiledRung {
  /** Absent after a problem. */
  readonly rung?: Rung;
  readonly definition: RungDefinition;
  readonly playbooks: readonly CompiledPlaybook[];
  readonly stepCount: number;
}

function compileRung(written: RungDefinition, shape: ScopeShape, context: CompileContext, path: YamlPath): CompiledRung {
  const { playbook, steps, with: values, finally: last } = written;
  const definition: RungDefinition = {
    ...(playbook === undefined ? {} : { playbook }),
    ...(values === undefined ? {} : { with: values }),
  };
  if (playbook !== undefined) {
    for (const key of ['steps', 'finally'] as const) {
      if (written[key] !== undefined)
        context.report([...path, key], `either \`playbook\` or \`${key}\`, not both`, { at: 'key' });
    }
    const paths = { name: [...path, 'playbook'], with: [...path, 'with'] };
    const compiled = compilePlaybookCall(playbook, values ?? {}, shape, context, paths);
    if (compiled === undefined) return { definition, playbooks: [], stepCount: 0 };
    return { rung: compiled.call, definition, playbooks: [compiled.playbook], stepCount: compiled.playbook.stepCount };
  }
  if (values !== undefined)
    context.report([...path, 'with'], '`with` is for a `playbook`; steps see what the rule sees', { at: 'key' });
  if (steps === undefined) {
    context.report(path, 'a fallback needs a `playbook` or `steps`');
    return { definition, playbooks: [], stepCount: 0 };
  }
  return compileInline(steps, last, shape, context, path);
}

function compileInline(
  steps: NonNullable<RungDefinition['steps']>,
  last: RungDefinition['finally'],
  shape: ScopeShape,
  context: CompileContext,
  path: YamlPath,
): CompiledRung {
  const compiled = compileSteps(steps, shape, context, [...path, 'steps']);
  const after = compileSteps(last ?? [], { ...shape, steps: compiled.shapes }, context, [...path, 'finally']);
  const expired = expireSilences({ steps: compiled, last: after }, shape, context, path);
  const playbook: Playbook = { name: '', params: shape.params, steps: compiled.steps, finally: [...after.steps, ...expired] };
  const playbooks = [...compiled.playbooks, ...after.playbooks];
  return {
    rung: { kind: 'playbook', playbook, render: (scope) => parseParameters(shape.params, scope.params ?? {}, matchesPattern) },
    definition: { steps: [...compiled.definitions], ...(last === undefined ? {} : { finally: [...after.definitions] }) },
    playbooks,
    stepCount: playbook.steps.length + playbook.finally.length + playbooks.reduce((sum, each) => sum + each.stepCount, 0),
  };
}
