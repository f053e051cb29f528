import type { ParameterSpec } from '../domain/parameter.ts';
import type { Playbook, Rule, RuleSet, Step } from '../domain/rule.ts';

/** What tests may name of a set of rules. */
export class RuleNames {
  readonly rules: readonly string[];
  /** The ids of all steps, those of playbooks in steps too. */
  readonly steps: readonly string[];
  /** The targets that are known without an alert. */
  readonly targets: readonly string[];
  /** The roles that anybody is asked for. */
  readonly roles: ReadonlySet<string>;
  readonly #set: RuleSet;

  constructor(set: RuleSet) {
    this.#set = set;
    this.rules = set.rules.map(({ name }) => name);
    const steps = set.rules.flatMap(allSteps);
    this.steps = [...new Set(steps.map(({ id }) => id))];
    this.targets = [
      ...new Set(set.rules.flatMap(({ target }) => (target === undefined || isTemplate(target.source) ? [] : [target.source]))),
    ];
    this.roles = new Set([
      ...set.rules.flatMap(({ approval, manual }) => [...approval.roles, ...(manual?.roles ?? [])]),
      ...steps.flatMap(({ approval }) => approval?.roles ?? []),
    ]);
  }

  /** The ids of the steps that stand in a rule's playbook or fallbacks themselves; of all rules without a name. */
  stepsOf(rule: string | undefined): readonly string[] {
    const rules = rule === undefined ? this.#set.rules : this.#set.rules.filter(({ name }) => name === rule);
    return [...new Set(rules.flatMap(({ rungs }) => rungs.flatMap(({ playbook }) => playbook.steps.map(({ id }) => id))))];
  }

  /** The parameters of a rule; of all rules without a name. */
  paramsOf(rule: string | undefined): ReadonlyMap<string, ParameterSpec> {
    const rules = rule === undefined ? this.#set.rules : this.#set.rules.filter(({ name }) => name === rule);
    return new Map(rules.flatMap(({ params }) => Object.entries(params)));
  }

  /** Whether a rule (this one, or any) may have this target. */
  mayBeTarget(text: string, rule?: string): boolean {
    return this.#set.rules.some(
      ({ name, target }) => (rule ?? name) === name && target !== undefined && fits(target.source, text),
    );
  }
}

function allSteps({ rungs }: Rule): readonly Step[] {
  return rungs.flatMap(({ playbook }) => stepsBelow(playbook));
}

function stepsBelow({ steps, finally: last }: Playbook): readonly Step[] {
  return [...steps, ...last].flatMap((step) => [step, ...(step.call.kind === 'playbook' ? stepsBelow(step.call.playbook) : [])]);
}

function isTemplate(source: string): boolean {
  return source.includes('{{');
}

/** Whether a text may be what a template renders to: what stands outside of `{{ }}` is there. */
function fits(source: string, text: string): boolean {
  const parts = source.split(/\{\{.*?\}\}/s).map((part) => part.replaceAll(/[^\w]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
