import type { Labels } from '../../src/domain/alert.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ResponsePlan } from '../../src/domain/response.ts';
import type { AnyRemediation, Effect, InDoubt } from '../../src/domain/remediation.ts';
import type {
  Check,
  Condition,
  MuteTimes,
  Playbook,
  PlaybookCall,
  RemediationCall,
  Rule,
  RuleSet,
  Safety,
  SeverityLevel,
  Step,
  Template,
  TextTemplate,
  Verify,
} from '../../src/domain/rule.ts';
import { ExpressionError, type Scope } from '../../src/domain/scope.ts';

const MINUTE_MS = 60_000;
const NO_PARAMS: JsonObject = Object.freeze({});

/** A condition in code; `source` is what messages quote. */
export function condition(source: string, evaluate: (scope: Scope) => boolean): Condition {
  return { source, evaluate };
}

/** A remediation that nothing executes: the pipeline only asks for its name, its effect and what to do when in doubt. */
export function stubRemediation(name: string, effect: Effect = 'change', inDoubt: InDoubt = 'ask'): AnyRemediation {
  const isNotCalled = (): never => {
    throw new Error(`${name} is a stub`);
  };
  return {
    name,
    summary: name,
    notes: '',
    connection: undefined,
    params: {},
    outputs: {},
    example: {},
    effect: () => effect,
    inDoubt,
    plan: isNotCalled,
    run: isNotCalled,
  };
}

/** A call of a remediation with fixed parameters, or with what `render` gives. */
export function callOf(remediation: AnyRemediation, render: (scope: Scope) => JsonObject = () => NO_PARAMS): RemediationCall {
  return {
    kind: 'remediation',
    remediation,
    effect: remediation.effect({}),
    render: (scope) => ({ connection: undefined, params: render(scope) }),
  };
}

export function buildStep(id: string, call: AnyRemediation | RemediationCall | PlaybookCall, more: Partial<Step> = {}): Step {
  return {
    id,
    name: id,
    call: 'kind' in call ? call : callOf(call),
    timeoutMs: 30_000,
    retry: { attempts: 1, backoffMs: 2_000 },
    onError: 'fail',
    ...more,
  };
}

/** Steps of a rule, inline unless `name` is given, and how its parameters are rendered. */
export function buildRung(
  steps: readonly Step[],
  more: Partial<Playbook> & { readonly render?: (scope: Scope) => JsonObject } = {},
): PlaybookCall {
  const { render = () => NO_PARAMS, ...playbook } = more;
  return { kind: 'playbook', playbook: { name: '', params: {}, steps, finally: [], ...playbook }, render };
}

export function buildCheck(remediation: AnyRemediation, expect: Condition, more: Partial<Check> = {}): Check {
  return { call: callOf(remediation), expect, timeoutMs: 30_000, ...more };
}

/** A `verify` with its defaults: without checks the alert has to be resolved. */
export function buildVerify(more: Partial<Verify> = {}): Verify {
  const checks = more.checks ?? [];
  return { checks, stableForMs: 0, resolvedWithinMs: 15 * MINUTE_MS, needsResolved: checks.length === 0, ...more };
}

/** The targets and values of a rule as templates. */
function textTemplate(source: string, render: (scope: Scope) => string): TextTemplate {
  return { source, render, renderForPeople: (scope) => render(scope) };
}

export function listTemplate(source: string, render: Template['render']): Template {
  return { source, render };
}

const BY_NAME = textTemplate('container/{{ labels.name }}', ({ labels }) => {
  const name = labels === undefined || !Object.hasOwn(labels, 'name') ? undefined : labels['name'];
  if (name === undefined) throw new ExpressionError('missing_value', 'the label "name" is not there');
  return `container/${name}`;
});

const SEVERITIES: readonly SeverityLevel[] = [
  { name: 'critical', rank: 0 },
  { name: 'warning', rank: 1 },
  { name: 'info', rank: 2 },
];

const NEVER_MUTED: MuteTimes = { isMuted: () => false, unmutedAt: (at) => at };

/** Nobody is called and nothing is promised, around the clock; tests give the rungs that they are about. */
export function buildPlan(more: Partial<ResponsePlan> = {}): ResponsePlan {
  return { rungs: [], notify: {}, postMortem: false, dueAt: (from, afterMs) => from + afterMs, ...more };
}

const NO_PLAN = buildPlan();

/** Limits that hold nothing back; tests give those that they are about. */
const OPEN_SAFETY: Safety = {
  cooldownMs: 0,
  maxRuns: [],
  maxTargets: { windows: [] },
  breaker: { count: 1_000, windowMs: 24 * 60 * MINUTE_MS },
  allowDestructive: false,
};

export type RuleOptions = Partial<Omit<Rule, 'safety'>> & {
  /** Labels that an alert must have. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly safety?: Partial<Safety>;
};

/** A rule in code, in mode `auto` and without limits: an alert with the label `name` acts on the target `container/NAME`. */
export function buildRule(options: RuleOptions = {}): Rule {
  const { labels = { alertname: 'Down' }, safety, ...more } = options;
  const name = more.name ?? 'restart';
  const rungs = more.rungs ?? [buildRung([buildStep('restart', stubRemediation('stub.restart'))])];
  const wanted = Object.entries(labels);
  const failing = (given: Labels): [string, string] | undefined =>
    wanted.find(([key, value]) => !Object.hasOwn(given, key) || given[key] !== value);
  return {
    name,
    description: name,
    file: `${name}.yml`,
    digest: name,
    snapshot: { name },
    onAlerts: true,
    matches: (given) => failing(given) === undefined,
    matcherTexts: wanted.map(([key, value]) => `${key} = "${value}"`),
    firstFailingMatcher: (given) => failing(given)?.join(' = '),
    target: BY_NAME,
    severityOf: (given) => SEVERITIES.find((level) => level.name === given['severity']) ?? { name: 'warning', rank: 1 },
    mode: 'auto',
    delayMs: 0,
    cancelWindowMs: 0,
    rungs,
    onResolved: 'cancel',
    timeoutMs: 15 * MINUTE_MS,
    safety: { ...OPEN_SAFETY, ...safety },
    unlessFiring: [],
    muteTimes: NEVER_MUTED,
    mutedBy: [],
    approval: { roles: ['responder'], count: 1, timeoutMs: 30 * MINUTE_MS, onTimeout: 'escalate' },
    fields: {},
    customerMessages: {},
    params: {},
    responseTo: () => NO_PLAN,
    notify: {},
    readsOnly: rungs.length > 0 && rungs.every((rung) => everyStepReads(rung.playbook)),
    ...more,
  };
}

function everyStepReads(playbook: Playbook): boolean {
  return [...playbook.steps, ...playbook.finally].every(({ call }) =>
    call.kind === 'playbook' ? everyStepReads(call.playbook) : call.effect === 'read',
  );
}

/** The live rules, matched as in production: each that observes, up to the first that does not. */
export function buildRuleSet(rules: readonly Rule[], responseTo: RuleSet['responseTo'] = () => NO_PLAN): RuleSet {
  return {
    rules,
    playbooks: new Map(),
    responseTo,
    byName: (name) => rules.find((rule) => rule.name === name),
    match: (labels) => {
      const matching = rules.filter((rule) => rule.onAlerts && rule.matches(labels));
      const last = matching.findIndex((rule) => rule.mode !== 'observe');
      return last === -1 ? matching : matching.slice(0, last + 1);
    },
    digest: rules.map((rule) => rule.digest).join(' '),
  };
}
