import type { Objectives as GivenObjectives } from '../domain/rule.ts';
import { SUCCEEDED, UNSUCCESSFUL, type Outcome } from '../domain/reason.ts';
import type { ReportedIncident, ReportedRun } from '../domain/reported.ts';

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

/** What was done to one target. */
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

/** So many repairs of one target, or so many that did not last, are no repairs. */
const TOO_MANY_REPAIRS = 3;
const TOO_MANY_RECURRENCES = 2;
/** The outcomes of a run that was to fix something and could be judged. */
const JUDGED: readonly Outcome[] = ['verified', ...UNSUCCESSFUL];

/** Adds up what some rules did: all of them, or one. Entries come oldest first. */
export class Tally {
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
    if (JUDGED.includes(outcome)) this.#judged += 1;
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

/** Adds up what was done to one target. */
export class TargetTally {
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
