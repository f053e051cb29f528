import * as z from 'zod';
import type { Rule } from '../domain/rule.ts';
import type { ScheduleState } from '../domain/state.ts';
import { applyCommand, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewBreaker, viewInstant, type BreakerView } from './views.ts';

/** How far back outcomes are counted. */
const OUTCOMES_WINDOW_MS = 7 * 24 * 3_600_000;

const nothing = z.strictObject({}).optional();

export interface ScheduleView {
  readonly cron: string;
  readonly timezone: string;
  readonly next_run: string | null;
  /** The run that a tick made and that has not ended. */
  readonly live_run_id: string | null;
  /** The last one that ended; `at` is when it was due. */
  readonly last_run: { readonly id: string; readonly at: string | null; readonly outcome: string | null } | null;
  /** The last tick that made no run, or one that did not start. */
  readonly last_skip: { readonly at: string; readonly reason: string | null } | null;
}

export interface RuleView {
  readonly name: string;
  readonly description: string;
  readonly runbook_url: string | null;
  readonly file: string;
  readonly matchers: readonly string[];
  readonly mode: string;
  /** As written, with its expressions; `null` where there are no steps. */
  readonly target: string | null;
  /** `null` where no clock starts it. */
  readonly schedule: ScheduleView | null;
  /** Runs that ended in the last seven days, by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly breaker: BreakerView;
}

/** `/api/v1/rules` and the breakers. */
export function ruleRoutes(deps: ApiDeps): readonly ApiRoute[] {
  const { store, clock, rules } = deps;
  return [
    {
      method: 'get',
      path: '/api/v1/rules',
      role: 'viewer',
      handle: async () => {
        const [breakers, outcomes, schedules] = await Promise.all([
          store.listBreakers(),
          store.outcomes(clock.now() - OUTCOMES_WINDOW_MS),
          store.schedules('rule'),
        ]);
        const scheduleOf = new Map(schedules.map((schedule) => [schedule.name, schedule]));
        const breakerOf = new Map(breakers.map((breaker) => [breaker.rule, breaker]));
        const outcomesOf = Map.groupBy(outcomes, (row) => row.rule);
        const views = rules().rules.map((rule) => {
          const counts = Object.fromEntries((outcomesOf.get(rule.name) ?? []).map(({ outcome, count }) => [outcome, count]));
          return viewRule(rule, counts, viewBreaker(rule.name, breakerOf.get(rule.name)), scheduleOf.get(rule.name));
        });
        return { status: 200, body: { rules: views } };
      },
    },
    {
      method: 'get',
      path: '/api/v1/breakers',
      role: 'viewer',
      handle: async () => {
        const breakerOf = new Map((await store.listBreakers()).map((breaker) => [breaker.rule, breaker]));
        const names = new Set([...rules().rules.map((rule) => rule.name), ...breakerOf.keys()]);
        return { status: 200, body: { breakers: [...names].map((name) => viewBreaker(name, breakerOf.get(name))) } };
      },
    },
    {
      method: 'post',
      path: '/api/v1/breakers/:rule/rearm',
      role: 'admin',
      handle: ({ params, body, actor }) => {
        parseInput(nothing, body);
        return applyCommand(deps, { kind: 'rearm', rule: params['rule'] ?? '', actor });
      },
    },
  ];
}

function viewRule(
  rule: Rule,
  outcomes: Readonly<Record<string, number>>,
  breaker: BreakerView,
  schedule: ScheduleState | undefined,
): RuleView {
  return {
    name: rule.name,
    description: rule.description,
    runbook_url: rule.runbookUrl ?? null,
    file: rule.file,
    matchers: rule.matcherTexts,
    mode: rule.mode,
    target: rule.target?.source ?? null,
    schedule: viewSchedule(rule, schedule),
    outcomes,
    breaker,
  };
}

/** Until the daemon has seen the schedule there is no row of it. */
function viewSchedule({ schedule }: Rule, state: ScheduleState | undefined): ScheduleView | null {
  if (schedule === undefined) return null;
  const { cron, timezone } = schedule.times;
  const run = state?.lastRunId ?? null;
  const skippedAt = state?.lastSkipAt ?? null;
  return {
    cron,
    timezone,
    next_run: viewInstant(state?.nextAt ?? null),
    live_run_id: state?.liveRunId ?? null,
    last_run: run === null ? null : { id: run, at: viewInstant(state?.lastRunAt ?? null), outcome: state?.lastOutcome ?? null },
    last_skip: skippedAt === null ? null : { at: viewInstant(skippedAt), reason: state?.lastSkipReason ?? null },
  };
}
