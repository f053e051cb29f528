import type { RuleSet } from '../domain/rule.ts';
import type { ReportedIncident } from '../domain/reported.ts';
import type { ReportWindow, Store } from '../domain/store.ts';
import { Tally, TargetTally, type Effect, type Objectives, type TargetReport } from './report-tally.ts';

/** What one rule did, and what it is held to. */
export interface RuleReport extends Effect {
  readonly rule: string;
  readonly objectives: Objectives;
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

function found<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = create();
  map.set(key, fresh);
  return fresh;
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
