import { dueInActiveTime } from '../domain/active-time.ts';
import type { Json } from '../domain/json.ts';
import type { EscalationRung, ResponsePlan } from '../domain/response.ts';
import type { SeveritySetting } from '../domain/settings.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { policyData } from './response-data.ts';
import type { IntervalDefinition } from './rule-settings.ts';
import type { SeverityScale } from './severity-scale.ts';

/** What people do at the severities of one scale. The rules of a file share it: each plan is made once. */
export class ResponsePlans {
  readonly #scale: SeverityScale;
  readonly #policies: ReadonlyMap<string, readonly EscalationRung[]>;
  readonly #intervals: ReadonlyMap<string, IntervalDefinition>;
  readonly #plans = new Map<string, ResponsePlan>();
  readonly #policyData = new Map<string, Json>();
  readonly #policiesByOwn = new Map<string | undefined, readonly (readonly [string, Json])[]>();
  /** The intervals that the clock of some severity looks at, by name. */
  readonly intervals: ReadonlyMap<string, IntervalDefinition>;

  /** Policies and intervals that are named and not there were reported by whoever read them; here they are empty. */
  constructor(
    scale: SeverityScale,
    policies: ReadonlyMap<string, readonly EscalationRung[]>,
    intervals: ReadonlyMap<string, IntervalDefinition>,
  ) {
    this.#scale = scale;
    this.#policies = policies;
    this.#intervals = intervals;
    this.intervals = new Map(
      scale.settings.flatMap((setting) => this.#intervalsOf(setting).map((interval) => [interval.name, interval] as const)),
    );
  }

  /** The plan at a severity; a rule's own policy goes before the severity's. */
  planOf(severity: string, policy?: string): ResponsePlan {
    const setting = this.#scale.settingOf(severity);
    const named = policy ?? setting?.escalationPolicy;
    // Severities that are none share one plan, so that the number of plans is bounded.
    const key = JSON.stringify([setting?.name ?? null, named ?? null]);
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const plan = this.#createPlan(setting, named === undefined ? [] : (this.#policies.get(named) ?? []));
    this.#plans.set(key, plan);
    return plan;
  }

  /** The policies that a rule may follow, as plain data: its own, or else those of its severities. */
  policiesOf(own: string | undefined): readonly (readonly [string, Json])[] {
    const known = this.#policiesByOwn.get(own);
    if (known !== undefined) return known;
    const named = own === undefined ? this.#scale.settings.flatMap((setting) => setting.escalationPolicy ?? []) : [own];
    const found = [...new Set(named)].flatMap((name) => {
      const data = this.#dataOf(name);
      return data === undefined ? [] : [[name, data] as const];
    });
    this.#policiesByOwn.set(own, found);
    return found;
  }

  // The same object each time: it is digested once.
  #dataOf(name: string): Json | undefined {
    const rungs = this.#policies.get(name);
    if (rungs === undefined) return undefined;
    const known = this.#policyData.get(name) ?? policyData(rungs);
    this.#policyData.set(name, known);
    return known;
  }

  #createPlan(setting: SeveritySetting | undefined, rungs: readonly EscalationRung[]): ResponsePlan {
    const active = setting === undefined ? [] : this.#intervalsOf(setting);
    return {
      rungs,
      notify: setting?.notify ?? {},
      postMortem: setting?.postMortem ?? false,
      dueAt: (from, afterMs) => dueInActiveTime(from, afterMs, active),
      ...withoutUndefined({
        responseTimeMs: setting?.responseTimeMs,
        updateEveryMs: setting?.updateEveryMs,
        pagerdutySeverity: setting?.pagerdutySeverity,
      }),
    };
  }

  #intervalsOf({ activeTimeIntervals }: SeveritySetting): readonly IntervalDefinition[] {
    return activeTimeIntervals.flatMap((name) => this.#intervals.get(name) ?? []);
  }
}
