import type { Rule, Rung, Step } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Run, StepRecord } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { journalOf } from './journal.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { type Walk, playbookScope, viewsOf, walkSteps } from './walk-playbook.ts';
import type { World } from './world.ts';

/** Where a journaled step stands in the rule that its run was claimed with, and what its expressions see. */
export function locate(
  world: World,
  run: Run,
  record: StepRecord,
  context: DecisionContext,
): { step: Step; scope: Scope; rule: Rule } | undefined {
  const rule = context.claimedRule(run);
  if (rule === undefined) return undefined;
  const journal = journalOf(world, run, context.now);
  const match = /^(\d+):(steps|finally)\/(.+)$/.exec(record.address);
  const rung = match === null ? undefined : rule.rungs[Number(match[1])];
  if (match === null || rung === undefined) return undefined;
  const index = Number(match[1]);
  let scope: Scope = rungScope(world, run, index, rung, context);
  const isFinally = match[2] === 'finally';
  if (isFinally) scope = { ...scope, steps: viewsOf(rung.playbook.steps, `${index}:steps/`, journal) };
  let steps = isFinally ? rung.playbook.finally : rung.playbook.steps;
  let prefix = `${index}:${match[2] ?? ''}/`;
  const parts = (match[3] ?? '').split('/');
  for (let depth = 0; depth < parts.length; depth += 1) {
    if (parts[depth] === 'finally') {
      prefix += 'finally/';
      continue;
    }
    const [, id, round] = /^([^[]+)(?:\[(\d+)\])?$/.exec(parts[depth] ?? '') ?? [];
    const step = steps.find((candidate) => candidate.id === id);
    if (step === undefined || id === undefined) return undefined;
    const views = viewsOf(steps, prefix, journal);
    const address = `${prefix}${parts[depth] ?? ''}`;
    const parent = round === undefined ? undefined : world.stepsOf(run.id).get(`${prefix}${id}`);
    const item = round === undefined ? undefined : parent?.items?.[Number(round)];
    scope = { ...scope, steps: { ...scope.steps, ...views }, ...(item === undefined ? {} : { item }) };
    if (depth === parts.length - 1) return { step, scope, rule };
    if (step.call.kind !== 'playbook') return undefined;
    scope = playbookScope(scope, world.stepsOf(run.id).get(address)?.params ?? {});
    const { playbook } = step.call;
    prefix = `${address}/`;
    if (parts[depth + 1] === 'finally') scope = { ...scope, steps: viewsOf(playbook.steps, prefix, journal) };
    steps = parts[depth + 1] === 'finally' ? playbook.finally : playbook.steps;
  }
  return undefined;
}

/** Walks the steps of a rung with the scope its playbook has. A playbook's parameters are rendered once and journaled. */
export function walkRung(world: World, run: Run, rung: Rung, context: DecisionContext): Walk {
  const journal = journalOf(world, run, context.now);
  return walkSteps(rung.playbook.steps, `${run.rung}:steps/`, rungScope(world, run, run.rung, rung, context), journal);
}

export function rungScope(world: World, run: Run, index: number, rung: Rung, context: DecisionContext): Scope {
  const scope = scopeOfRun(run, context.now);
  if (rung.playbook.name === '') return scope;
  const journal = journalOf(world, run, context.now);
  const address = `${index}:playbook`;
  const entry =
    journal.get(address) ??
    journal.write({
      address,
      id: 'playbook',
      uses: `playbook/${rung.playbook.name}`,
      state: 'succeeded',
      params: rung.render(scope),
    });
  return playbookScope(scope, entry.params ?? {});
}
