import { alertKey, copyLabels } from '../../src/domain/alert.ts';
import type { InDoubt } from '../../src/domain/remediation.ts';
import type { Rule } from '../../src/domain/rule.ts';
import { OPEN_LIMITS } from '../support/memory-world.ts';
import {
  buildCheck,
  buildRule,
  buildRuleSet,
  buildRung,
  buildStep,
  buildVerify,
  condition,
  stubRemediation,
  type RuleOptions,
} from '../support/build-rule.ts';
import { ANSWERS, type Answer, type Budget, type Scenario, type ScenarioAlert } from './model.ts';

const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
const ping = stubRemediation('stub.ping', 'read');
const SHORT = { timeoutMs: 10_000 };

/** The rule that most scenarios are about: one change, a check, a fallback. */
function repair(inDoubt: InDoubt, more: RuleOptions = {}): Rule {
  const change = stubRemediation(`stub.${inDoubt}`, 'change', inDoubt);
  const once = buildStep('change', change, { ...SHORT, retry: { attempts: 2, backoffMs: 2_000 } });
  return buildRule({
    name: inDoubt,
    digest: inDoubt,
    rungs: [buildRung([once]), buildRung([buildStep('other', stubRemediation('stub.other', 'change', inDoubt), SHORT)])],
    verify: buildVerify({ checks: [buildCheck(ping, isOk, SHORT)], resolvedWithinMs: 10_000, needsResolved: true }),
    timeoutMs: 60_000,
    ...more,
  });
}

function alertOf(alertname: string, name: string): ScenarioAlert {
  const labels = copyLabels({ alertname, name });
  return { labels, alertKey: alertKey('am', labels) };
}

/** Plans that are never the same ask too much of scenarios that are not about them. */
const ALL_ANSWERS: readonly Answer[] = ANSWERS.filter((answer) => answer !== 'plan differs');
const BUSY_ANSWERS: readonly Answer[] = ALL_ANSWERS.filter(
  (answer) => answer !== 'look later' && answer !== 'plan finds nothing' && answer !== 'check fails' && answer !== 'plan fails',
);
const CALM_ANSWERS: readonly Answer[] = [
  'read ok',
  'read fails',
  'plan ok',
  'act ok',
  'act in doubt',
  'look done',
  'look not done',
  'look unknown',
  'check true',
  'check false',
];

const ASKING_ANSWERS: readonly Answer[] = [
  'plan ok',
  'plan differs',
  'foreseen',
  'act ok',
  'act in doubt',
  'look done',
  'look not done',
  'check true',
  'check false',
];

function scenario(
  name: string,
  ruleSets: readonly (readonly Rule[])[],
  alerts: readonly ScenarioAlert[],
  budgets: Readonly<Partial<Record<Budget, number>>>,
  more: Partial<Scenario> & { readonly withAnswers?: readonly Answer[] } = {},
): Scenario {
  const { withAnswers = BUSY_ANSWERS, ...rest } = more;
  return {
    name,
    alerts,
    ruleSets: ruleSets.map((rules) => buildRuleSet(rules)),
    snapshots: new Map(ruleSets.flat().map((rule) => [rule.digest, rule])),
    limits: { ...OPEN_LIMITS, settleMs: 20_000 },
    budgets,
    answers: new Set(withAnswers),
    touches: (_remediation, target) => [`docker:${target}`],
    nearStates: 75_000,
    farStates: 13_000,
    ...rest,
  };
}

const DOWN = alertOf('Down', 'web');
const SLOW = alertOf('Slow', 'web');
const OTHER_DOWN = alertOf('Down', 'api');
const shared = (): readonly string[] => ['postgres:main'];
const withFinally = [
  buildRung([buildStep('change', stubRemediation('stub.ask', 'change', 'ask'), SHORT)], {
    finally: [
      buildStep('undo', stubRemediation('stub.undo', 'change', 'repeat'), { ...SHORT, retry: { attempts: 2, backoffMs: 2_000 } }),
    ],
  }),
];

/** A rule that asks two people before its first change, and again for what they could not foresee. */
function asking(more: RuleOptions = {}): Rule {
  const change = stubRemediation('stub.look', 'change', 'look');
  return repair('look', {
    rungs: [buildRung([buildStep('one', change, SHORT), buildStep('two', change, SHORT)])],
    mode: 'approve',
    approval: { roles: ['responder'], count: 2, timeoutMs: 30_000, onTimeout: 'escalate' },
    ...more,
  });
}

/** Where planted defects are looked for: whatever they break, it happens here. */
export function defectScenario(asksPeople = false): Scenario {
  if (asksPeople)
    return scenario('a planted defect of asking', [[asking()]], [DOWN], { fire: 1, approve: 2 }, { withAnswers: ASKING_ANSWERS });
  return scenario('a planted defect', [[repair('ask', { delayMs: 10_000 })]], [DOWN], { fire: 2, resolve: 2, crash: 1 });
}

/** The scenarios, each about something that histories may get wrong. */
export function scenarios(): Scenario[] {
  const second = (inDoubt: InDoubt, more: RuleOptions = {}): Rule =>
    repair(inDoubt, { name: 'second', digest: 'second', labels: { alertname: 'Slow' }, ...more });
  const smallest = (inDoubt: InDoubt): Scenario =>
    scenario(
      `everything about a change in doubt: ${inDoubt}`,
      [[repair(inDoubt, { verify: buildVerify({ resolvedWithinMs: 10_000 }) })]],
      [DOWN],
      { fire: 1, resolve: 1, crash: 1, cancel: 1 },
      { nearStates: Infinity },
    );
  return [
    smallest('ask'),
    smallest('look'),
    smallest('repeat'),
    scenario('a change that nobody can look at', [[repair('ask')]], [DOWN], {
      fire: 3,
      resolve: 3,
      crash: 1,
      cancel: 1,
      retry: 1,
    }),
    scenario(
      'a change that can be looked at',
      [[repair('look')]],
      [DOWN],
      { fire: 2, resolve: 2, crash: 2, cancel: 1 },
      { withAnswers: ALL_ANSWERS },
    ),
    scenario('a change that may be repeated', [[repair('repeat')]], [DOWN], {
      fire: 2,
      resolve: 2,
      crash: 2,
      long_crash: 1,
      cancel: 1,
    }),
    scenario(
      'two rules on one target',
      [[repair('ask'), second('look')]],
      [DOWN, SLOW],
      { fire: 2, resolve: 2, crash: 1, retry: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'two targets that touch the same',
      [[repair('look')]],
      [DOWN, OTHER_DOWN],
      { fire: 2, resolve: 1, crash: 1 },
      { touches: shared, withAnswers: CALM_ANSWERS },
    ),
    scenario('finally', [[repair('ask', { rungs: withFinally })]], [DOWN], {
      fire: 3,
      resolve: 3,
      crash: 1,
      cancel: 2,
      long_crash: 1,
    }),
    scenario(
      'finally on two targets that touch the same',
      [[repair('ask', { rungs: withFinally })]],
      [DOWN, OTHER_DOWN],
      { fire: 2, resolve: 1, cancel: 1, crash: 1 },
      { touches: shared, withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'people',
      [[repair('ask')]],
      [DOWN],
      { fire: 3, resolve: 2, acknowledge: 1, cancel: 1, retry: 2, dismiss: 1, pause: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'people are asked: a rule in mode approve',
      [[asking()]],
      [DOWN],
      { fire: 2, resolve: 1, approve: 4, reject: 1, cancel: 1, crash: 1 },
      { withAnswers: ASKING_ANSWERS },
    ),
    scenario(
      'people are asked: a step that says so',
      [
        [
          asking({
            rungs: [
              buildRung([
                buildStep('one', stubRemediation('stub.look', 'change', 'look'), SHORT),
                buildStep('two', stubRemediation('stub.look', 'change', 'look'), {
                  ...SHORT,
                  approval: { roles: ['responder'], count: 1, timeoutMs: 30_000, onTimeout: 'cancel' },
                }),
              ]),
            ],
            mode: 'auto',
          }),
        ],
      ],
      [DOWN],
      { fire: 2, resolve: 2, approve: 3, reject: 1, acknowledge: 1, dismiss: 1, long_crash: 1 },
      { withAnswers: ASKING_ANSWERS },
    ),
    scenario(
      'gates that wait',
      [
        [
          repair('repeat', {
            delayMs: 10_000,
            cancelWindowMs: 10_000,
            safety: { cooldownMs: 60_000, breaker: { count: 1, windowMs: 900_000 } },
          }),
        ],
      ],
      [DOWN],
      { fire: 3, resolve: 2, late_firing: 1, late_resolved: 1, rearm: 1, retry: 1, long_crash: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'a rule that is changed and removed',
      [[repair('look')], [repair('look', { digest: 'look-2', rungs: withFinally })], []],
      [DOWN],
      { fire: 2, resolve: 2, rules: 2, crash: 1, cancel: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'absent from Alertmanager',
      [[repair('look')]],
      [DOWN],
      { fire: 2, resolve: 1, reconcile: 3, late_firing: 1, long_crash: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
    scenario(
      'two alerts on one target',
      [[repair('ask', { labels: {} })]],
      [DOWN, SLOW],
      { fire: 3, resolve: 3, crash: 1, cancel: 1 },
      { withAnswers: CALM_ANSWERS },
    ),
  ];
}
