import type { Labels } from '../domain/alert.ts';
import type { ResponsePlan } from '../domain/response.ts';
import type { Rule, RuleMode, RuleSet } from '../domain/rule.ts';

/** The rules of a set as if all of them had this mode: shipped rules only observe, and are to be tried out. */
export class RulesInMode implements RuleSet {
  readonly rules: readonly Rule[];
  readonly #base: RuleSet;
  readonly #mode: RuleMode;
  readonly #byName: ReadonlyMap<string, Rule>;

  constructor(base: RuleSet, mode: RuleMode) {
    this.#base = base;
    this.#mode = mode;
    this.rules = base.rules.map((rule) => ({ ...rule, mode }));
    this.#byName = new Map(this.rules.map((rule) => [rule.name, rule]));
  }

  get playbooks(): RuleSet['playbooks'] {
    return this.#base.playbooks;
  }

  get digest(): string {
    return `${this.#base.digest} ${this.#mode}`;
  }

  byName(name: string): Rule | undefined {
    return this.#byName.get(name);
  }

  responseTo(severity: string): ResponsePlan {
    return this.#base.responseTo(severity);
  }

  match(labels: Labels): readonly Rule[] {
    const matching = this.rules.filter((rule) => rule.onAlerts && rule.matches(labels));
    return this.#mode === 'observe' ? matching : matching.slice(0, 1);
  }
}
