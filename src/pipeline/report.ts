import type { Objectives as GivenObjectives, RuleSet } from '../domain/rule.ts';
import { SUCCEEDED } from '../domain/reason.ts';
import type { ReportedIncident, ReportedRun } from '../domain/reported.ts';
import type { ReportWindow, Store } from '../domain/store.ts';

/** How long something took, in seconds; `null` where nothing was measured. */
export interface Took {
  readonly count: number;
  readonly mean_seconds: number;
  readonly median_seconds: number;
  readonly longest_seconds: number;
}

/** What rules did, in the words of the API. Counts are of the window. */
export interface Effect {
  /** Runs that ended, and those of them that changed something. */
  readonly runs: number;
  readonly acted: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Verified, and the same alert came back within `limits.recurrence`. */
  readonly recurred: number;
  /** Verified by the rule's own playbook, by its first fallback, and so on. */
  readonly fixed_by: readonly number[];
  /** Verified and not recurred, of the runs that acted and were to be judged; `null` when there was none. */
  readonly effectiveness: number | null;
  /** Runs that a gate ended, and runs that a gate held for a while, by gate. */
  readonly suppressed: Readonly<Record<string, number>>;
  readonly held: Readonly<Record<string, number>>;
  readonly incidents: number;
  /** Incidents that PagerDuty was called for; and those that a repair ended before the page that their policy has. */
  readonly paged: number;
  readonly pages_avoided: number;
  readonly time_to_acknowledge: Took | null;
  /** Of incidents with a verified repair, and of the others. */
  readonly time_to_resolve: { readonly automated: Took | null; readonly by_people: Took | null };
}

export interface RuleReport extends Effect {
  readonly rule: string;
  readonly objectives: Objectives;
}

/** Whether what the rule promises was held. */
export interface Objectives {
  /** Recovery time: `objectives.rto`, and how many incidents took longer. */
  readonly rto: { readonly seconds: number; readonly missed: number; readonly held: boolean } | null;
  /**
   * Recovery point: `objectives.rpo`, and the longest time in the window without a run that succeeded, counted from the
   * last success before it where one is known. Not held while no success at all is known.
   */
  readonly rpo: {
    readonly seconds: number;
    readonly longest_gap_seconds: number;
    readonly last_success_at: string | null;
    readonly held: boolean;
  } | null;
}

export interface TargetReport {
  readonly target: string;
  readonly rules: readonly string[];
  readonly acted: number;
  readonly verified: number;
  readonly recurred: number;
  readonly last_acted_at: string;
  /** Repaired again and again: the cause is elsewhere. */
  readonly needs_a_fix: boolean;
}

/** How effective the rules were. The shape is that of `GET /api/v1/report`. */
export interface Report {
  readonly since: string;
  readonly until: string;
  readonly total: Effect;
  /** By name, the busiest first. */
  readonly rules: readonly RuleReport[];
  /** That something was done to, the most often first; at most 200. */
  readonly targets: readonly TargetReport[];
}

const PAGE = 1_000;
const MOST_TARGETS = 200;
/** So many repairs of one target, or so many that did not last, are no repairs. */
const TOO_MANY_REPAIRS = 3;
const TOO_MANY_RECURRENCES = 2;
/** The outcomes of a run that was to fix something and could be judged. */
const JUDGED = new Set(['verified', 'ineffective', 'inconclusive', 'failed', 'interrupted']);

/** Reads what happened in the window (epoch ms) and adds it up, for the rules whose names begin with `rulesPrefix`. */
export async function makeReport(
  store: Pick<Store, 'endedRuns' | 'startedIncidents' | 'lastSuccess'>,
  rules: RuleSet,
  window: { readonly since: number; readonly until: number },
  rulesPrefix = '',
): Promise<Report> {
  const total = new Tally();
  const byRule = new Map<string, Tally>();
  const targets = new Map<string, TargetTally>();
  const tallyOf = (rule: string): Tally => found(byRule, rule, () => new Tally());
  for await (const run of entriesOf(
    (page) => store.endedRuns(page),
    window,
    (run) => run.endedAt,
  )) {
    if (!run.rule.startsWith(rulesPrefix)) continue;
    total.addRun(run);
    tallyOf(run.rule).addRun(run);
    if (run.acted) found(targets, run.target, () => new TargetTally(run.target)).add(run);
  }
  for await (const incident of entriesOf(
    (page) => store.startedIncidents(page),
    window,
    (entry) => entry.startedAt,
  )) {
    if (!incident.rule.startsWith(rulesPrefix)) continue;
    const pages = hasPage(rules, incident);
    total.addIncident(incident, pages);
    tallyOf(incident.rule).addIncident(incident, pages);
  }
  // A backup that never ran has no entry, and is what the report is read for.
  for (const { name, mode, objectives } of rules.rules)
    if (objectives?.rpoMs !== undefined && mode !== 'observe' && name.startsWith(rulesPrefix)) tallyOf(name);
  const lines: RuleReport[] = [];
  for (const [rule, tally] of byRule) {
    const given = rules.byName(rule)?.objectives;
    const before = given?.rpoMs === undefined ? null : await store.lastSuccess(rule, window.since);
    lines.push({ rule, ...tally.effect(), objectives: tally.objectives(given, window, before) });
  }
  return {
    since: instant(window.since),
    until: instant(window.until),
    total: total.effect(),
    rules: lines.sort((a, b) => b.acted - a.acted || b.incidents - a.incidents || b.runs - a.runs || (a.rule < b.rule ? -1 : 1)),
    targets: [...targets.values()]
      .map((tally) => tally.report())
      .sort((a, b) => b.acted - a.acted || (a.target < b.target ? -1 : 1))
      .slice(0, MOST_TARGETS),
  };
}

/** All entries of a window, page by page: other work goes on between the pages. */
async function* entriesOf<T extends { readonly id: string }>(
  read: (window: ReportWindow) => Promise<readonly T[]>,
  window: { readonly since: number; readonly until: number },
  atOf: (entry: T) => number,
): AsyncGenerator<T> {
  let after: ReportWindow['after'];
  for (;;) {
    const page = await read({ ...window, limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { at: atOf(last), id: last.id };
  }
}

/** Whether the policy of an incident's severity calls PagerDuty. */
function hasPage(rules: RuleSet, { rule, severity }: ReportedIncident): boolean {
  const plan = rules.byName(rule)?.responseTo(severity) ?? rules.responseTo(severity);
  return plan.rungs.some(({ notify }) => notify.pagerduty !== undefined);
}

class Tally {
  readonly #outcomes = new Map<string, number>();
  readonly #suppressed = new Map<string, number>();
  readonly #held = new Map<string, number>();
  readonly #fixedBy: number[] = [];
  readonly #acknowledged: number[] = [];
  readonly #automated: number[] = [];
  readonly #byPeople: number[] = [];
  readonly #succeededAt: number[] = [];
  #runs = 0;
  #acted = 0;
  #judged = 0;
  #recurred = 0;
  #incidents = 0;
  #paged = 0;
  #pagesAvoided = 0;

  addRun({ outcome, reason, acted, recurred, rung, heldFor, endedAt }: ReportedRun): void {
    this.#runs += 1;
    count(this.#outcomes, outcome);
    if (outcome === 'suppressed' && reason !== null) count(this.#suppressed, reason);
    for (const gate of heldFor) count(this.#held, gate);
    if (SUCCEEDED.some((success) => success === outcome)) this.#succeededAt.push(endedAt);
    if (!acted) return;
    this.#acted += 1;
    if (JUDGED.has(outcome)) this.#judged += 1;
    if (outcome !== 'verified') return;
    if (recurred) this.#recurred += 1;
    while (this.#fixedBy.length <= rung) this.#fixedBy.push(0);
    this.#fixedBy[rung] = (this.#fixedBy[rung] ?? 0) + 1;
  }

  addIncident(incident: ReportedIncident, hasPages: boolean): void {
    const { startedAt, acknowledgedAt, resolvedAt, isFixed, verified, paged } = incident;
    this.#incidents += 1;
    if (paged) this.#paged += 1;
    else if (hasPages && verified && isFixed) this.#pagesAvoided += 1;
    if (acknowledgedAt !== null) this.#acknowledged.push(Math.max(0, acknowledgedAt - startedAt));
    if (resolvedAt !== null && isFixed) (verified ? this.#automated : this.#byPeople).push(Math.max(0, resolvedAt - startedAt));
  }

  effect(): Effect {
    const verified = this.#fixedBy.reduce((sum, each) => sum + each, 0);
    return {
      runs: this.#runs,
      acted: this.#acted,
      outcomes: byCount(this.#outcomes),
      recurred: this.#recurred,
      fixed_by: this.#fixedBy,
      effectiveness: this.#judged === 0 ? null : (verified - this.#recurred) / this.#judged,
      suppressed: byCount(this.#suppressed),
      held: byCount(this.#held),
      incidents: this.#incidents,
      paged: this.#paged,
      pages_avoided: this.#pagesAvoided,
      time_to_acknowledge: took(this.#acknowledged),
      time_to_resolve: { automated: took(this.#automated), by_people: took(this.#byPeople) },
    };
  }

  objectives(
    given: GivenObjectives | undefined,
    { since, until }: { readonly since: number; readonly until: number },
    successBefore: number | null,
  ): Objectives {
    const rto = given?.rtoMs;
    const rpo = given?.rpoMs;
    const missed = [...this.#automated, ...this.#byPeople].filter((ms) => rto !== undefined && ms > rto).length;
    const gap = longestGap([successBefore ?? since, ...this.#succeededAt, until]);
    const last = this.#succeededAt.at(-1) ?? successBefore;
    return {
      rto: rto === undefined ? null : { seconds: rto / 1_000, missed, held: missed === 0 },
      rpo:
        rpo === undefined
          ? null
          : {
              seconds: rpo / 1_000,
              longest_gap_seconds: Math.round(gap / 1_000),
              last_success_at: last === null ? null : instant(last),
              held: last !== null && gap <= rpo,
            },
    };
  }
}

class TargetTally {
  readonly #target: string;
  readonly #rules = new Set<string>();
  #acted = 0;
  #verified = 0;
  #recurred = 0;
  #lastActedAt = 0;

  constructor(target: string) {
    this.#target = target;
  }

  add({ rule, outcome, recurred, endedAt }: ReportedRun): void {
    this.#rules.add(rule);
    this.#acted += 1;
    if (outcome === 'verified') this.#verified += 1;
    if (recurred) this.#recurred += 1;
    this.#lastActedAt = Math.max(this.#lastActedAt, endedAt);
  }

  report(): TargetReport {
    return {
      target: this.#target,
      rules: [...this.#rules].sort(),
      acted: this.#acted,
      verified: this.#verified,
      recurred: this.#recurred,
      last_acted_at: instant(this.#lastActedAt),
      needs_a_fix: this.#acted >= TOO_MANY_REPAIRS || this.#recurred >= TOO_MANY_RECURRENCES,
    };
  }
}

function found<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = create();
  map.set(key, fresh);
  return fresh;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function byCount(map: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...map].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1)));
}

function took(millis: readonly number[]): Took | null {
  if (millis.length === 0) return null;
  const sorted = millis.toSorted((a, b) => a - b);
  const seconds = (ms: number | undefined): number => Math.round((ms ?? 0) / 1_000);
  return {
    count: sorted.length,
    mean_seconds: seconds(sorted.reduce((sum, each) => sum + each, 0) / sorted.length),
    median_seconds: seconds(median(sorted)),
    longest_seconds: seconds(sorted.at(-1)),
  };
}

/** Of an even number, halfway between the two in the middle. */
function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function longestGap(instants: readonly number[]): number {
  return instants.reduce((longest, at, index) => Math.max(longest, at - (instants[index - 1] ?? at)), 0);
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
