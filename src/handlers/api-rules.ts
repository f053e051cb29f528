import * as z from 'zod';
import type { Rule } from '../domain/rule.ts';
import { applyCommand, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewBreaker, type BreakerView } from './views.ts';

/** How far back outcomes are counted. */
const OUTCOMES_WINDOW_MS = 7 * 24 * 3_600_000;

const nothing = z.strictObject({}).optional();

export interface RuleView {
  readonly name: string;
  readonly description: string;
  readonly runbook_url: string | null;
  readonly file: string;
  readonly matchers: readonly string[];
  readonly mode: string;
  /** As written, with its expressions; `null` where there are no steps. */
  readonly target: string | null;
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
        const [breakers, outcomes] = await Promise.all([store.listBreakers(), store.outcomes(clock.now() - OUTCOMES_WINDOW_MS)]);
        const breakerOf = new Map(breakers.map((breaker) => [breaker.rule, breaker]));
        const outcomesOf = Map.groupBy(outcomes, (row) => row.rule);
        const views = rules().rules.map((rule) => {
          const counts = Object.fromEntries((outcomesOf.get(rule.name) ?? []).map(({ outcome, count }) => [outcome, count]));
          return viewRule(rule, counts, viewBreaker(rule.name, breakerOf.get(rule.name)));
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

function viewRule(rule: Rule, outcomes: Readonly<Record<string, number>>, breaker: BreakerView): RuleView {
  return {
    name: rule.name,
    description: rule.description,
    runbook_url: rule.runbookUrl ?? null,
    file: rule.file,
    matchers: rule.matcherTexts,
    mode: rule.mode,
    target: rule.target?.source ?? null,
    outcomes,
    breaker,
  };
}
