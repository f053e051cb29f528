import type { Labels } from '../domain/alert.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { ResponsePlan } from '../domain/response.ts';
import type { Playbook, Rule, RuleSet } from '../domain/rule.ts';
import type { Place } from '../schema/problem.ts';
import type { CompiledRule } from './compile-rule.ts';
import { sha256 } from './digest.ts';
import type { ResponsePlans } from './response-plans.ts';

// Letters of a regular expression that stand for themselves, between bars.
const PLAIN_ALTERNATIVES = /^[\w:\- ]+(?:\|[\w:\- ]+)*$/;

/** What a set has besides its rules. */
export interface RuleSetParts {
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** Of the configuration's scale. */
  readonly plans: ResponsePlans;
  readonly settingsDigest: string;
  /** Where the rules are written, by name. */
  readonly places: ReadonlyMap<string, Place>;
}

/** All rules in their order, found by an alert's `alertname`: rules for other names cost nothing. */
export class IndexedRuleSet implements RuleSet {
  readonly rules: readonly Rule[];
  readonly playbooks: ReadonlyMap<string, Playbook>;
  readonly digest: string;
  readonly #byName: ReadonlyMap<string, Rule>;
  readonly #plans: ResponsePlans;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #byAlertname = new Map<string, number[]>();
  /** The places of rules that may match any `alertname`. */
  readonly #others: number[] = [];

  constructor(compiled: readonly CompiledRule[], { playbooks, plans, settingsDigest, places }: RuleSetParts) {
    this.#plans = plans;
    this.#places = places;
    this.rules = compiled.map(({ rule }) => rule);
    this.playbooks = playbooks;
    this.#byName = new Map(this.rules.map((rule) => [rule.name, rule]));
    this.digest = sha256([settingsDigest, ...this.rules.map((rule) => `${rule.name}:${rule.digest}`)].join('\n'));
    compiled.forEach(({ matchers }, place) => this.#index(matchers, place));
  }

  byName(name: string): Rule | undefined {
    return this.#byName.get(name);
  }

  responseTo(severity: string): ResponsePlan {
    return this.#plans.planOf(severity);
  }

  /** Where a rule is written in its file. */
  placeOf(name: string): Place {
    return this.#places.get(name) ?? { line: 1, column: 1 };
  }

  match(labels: Labels): readonly Rule[] {
    const taken: Rule[] = [];
    const alertname = Object.hasOwn(labels, 'alertname') ? (labels.alertname ?? '') : '';
    for (const place of mergePlaces(this.#byAlertname.get(alertname) ?? [], this.#others)) {
      const rule = this.rules[place];
      if (rule?.matches(labels) !== true) continue;
      taken.push(rule);
      if (rule.mode !== 'observe') break;
    }
    return taken;
  }

  #index(matchers: readonly Matcher[], place: number): void {
    // No alert triggers a rule without matchers.
    if (matchers.length === 0) return;
    const names = alertnamesOf(matchers);
    if (names === undefined) {
      this.#others.push(place);
      return;
    }
    for (const name of names) {
      const places = this.#byAlertname.get(name);
      if (places === undefined) this.#byAlertname.set(name, [place]);
      else places.push(place);
    }
  }
}

/** The values of `alertname` that these matchers allow; `undefined` when they cannot be listed. */
function alertnamesOf(matchers: readonly Matcher[]): ReadonlySet<string> | undefined {
  for (const { name, op, value } of matchers) {
    if (name !== 'alertname') continue;
    if (op === '=') return new Set([value]);
    if (op === '=~' && PLAIN_ALTERNATIVES.test(value)) return new Set(value.split('|'));
  }
  return undefined;
}

/** Two lists of rising places as one. */
function* mergePlaces(some: readonly number[], others: readonly number[]): Generator<number> {
  let left = 0;
  let right = 0;
  while (left < some.length || right < others.length) {
    const a = some[left] ?? Infinity;
    const b = others[right] ?? Infinity;
    if (a < b) left++;
    else right++;
    yield Math.min(a, b);
  }
}
