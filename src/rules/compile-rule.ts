import type { JsonObject } from '../domain/json.ts';
import type { Matcher } from '../domain/matcher.ts';
import { createMuteTimes } from '../domain/mute-times.ts';
import { copyLabels } from '../domain/alert.ts';
import { ParameterError, parseParameters } from '../domain/parameter.ts';
import type { ParameterSpecs } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import { ExpressionError } from '../domain/scope.ts';
import type { Scope } from '../domain/scope.ts';
import type { Objectives, Playbook, Rule, SeverityLevel, Step, TextTemplate, UnlessFiring } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { emptyRoles } from '../schema/approval-faults.ts';
import type { NotifyCheck } from '../schema/notify-check.ts';
import { suggestName } from '../schema/nearest-name.ts';
import { isWrittenCall } from './compile-call.ts';
import { checkRoles, compileApproval, compileDuration } from './compile-context.ts';
import type { CompileContext } from './compile-context.ts';
import { compileMatchers } from './compile-matchers.ts';
import type { MatcherList } from './compile-matchers.ts';
import { compileRungs } from './compile-rungs.ts';
import { compileSchedule } from './compile-schedule.ts';
import { compileSafety } from './compile-safety.ts';
import { compileSpecs } from './compile-specs.ts';
import { compileVerify } from './compile-verify.ts';
import type { Digester } from './digest.ts';
import type { ScopeShape } from './expression-scope.ts';
import { reportExpression } from './report-problem.ts';
import type { RuleDefinition } from './rule-file-schema.ts';
import type { IntervalDefinition } from './rule-settings.ts';
import type { ResponsePlans } from './response-plans.ts';
import type { SeverityScale } from './severity-scale.ts';
import { collectPlaybooks, createSnapshot, digestParts } from './rule-snapshot.ts';
import type { RuleParts } from './rule-snapshot.ts';
import { compileTextTemplate } from './template.ts';

const DEFAULT_RUN_TIMEOUT_MS = 900_000;
/** What texts see by the clock. */
const NO_ALERT: Omit<Scope, 'now'> = {
  labels: copyLabels({}),
  annotations: copyLabels({}),
  alerts: [],
  group: copyLabels({}),
  run: { id: '', attempt: 1, failed: false, actor: '' },
};
/** Of the many rules that have none. */
const NO_TEXTS: Readonly<Record<string, never>> = Object.freeze({});

/** What a rule is compiled with besides its file's context. */
export interface RuleContext extends CompileContext {
  readonly file: string;
  /** The file's severities before the configuration's. */
  readonly severities: SeverityScale;
  /** What people do at each of them. */
  readonly plans: ResponsePlans;
  readonly notifyCheck: NotifyCheck;
  readonly digester: Digester;
}

/** A compiled rule with the matchers that an index needs. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly matchers: readonly Matcher[];
}

/** Compiles a rule that `defaults` were merged into. After a reported error the result is not to be used. */
export function compileRule(definition: RuleDefinition, around: RuleContext, path: YamlPath): CompiledRule {
  const { compiler, report, settings, severities, plans } = around;
  const approval = compileApproval(definition.approval, around.approval, settings, [...path, 'approval'], report);
  const context: RuleContext = { ...around, approval, observes: !acts(definition) };
  const params = compileSpecs(definition.params ?? {}, compiler, [...path, 'params'], report);
  const shape: ScopeShape = { kind: 'rule', params, steps: new Map() };
  const list = compileTriggers(definition, context, path);
  const matchers = list?.matchers ?? [];
  const schedule = definition.schedule && compileSchedule(definition.schedule, [...path, 'schedule'], report);
  if (list !== undefined) refuseUnansweredParameters(params, 'alert', context, path);
  else if (definition.schedule !== undefined) refuseUnansweredParameters(params, 'clock', context, path);
  const rungs = compileRungs(definition, shape, context, path);
  const verify = definition.verify && compileVerify(definition.verify, shape, context, [...path, 'verify']);
  const target =
    definition.target === undefined ? undefined : compileText(definition.target, shape, context, [...path, 'target']);
  const hasSteps = rungs.rungs.length > 0;
  if (hasSteps && target === undefined) report([...path, 'name'], 'a rule with steps needs a `target`: what is being fixed');
  const fixedSeverity = compileSeverity(definition, context, path);
  const escalationPolicy = compileEscalation(definition, matchers, hasSteps, context, path);
  const muted = findIntervals(definition.mute_time_intervals, context, [...path, 'mute_time_intervals']);
  const active = findIntervals(definition.active_time_intervals, context, [...path, 'active_time_intervals']);
  const filled: RuleDefinition = {
    ...definition,
    ...rungs.definition,
    ...(verify === undefined ? {} : { verify: verify.definition }),
  };
  const parts: RuleParts = {
    file: context.file,
    rule: filled,
    playbooks: collectPlaybooks(rungs.playbooks),
    severities,
    policies: plans.policiesOf(escalationPolicy),
    intervals: muted.size + active.size === 0 ? plans.intervals : new Map([...plans.intervals, ...muted, ...active]),
    vars: settings.vars,
    approval: around.approval,
  };
  const safety = compileSafety(definition.safety, [...path, 'safety'], report);
  const rule: Rule = {
    name: definition.name,
    description: definition.description ?? '',
    file: context.file,
    digest: digestParts(parts, context.digester),
    // Made when it is asked for: it is only needed for rules that run.
    get snapshot(): JsonObject {
      return createSnapshot(parts);
    },
    onAlerts: list !== undefined,
    matches: (labels) => list?.matches(labels) === true,
    matcherTexts: definition.matchers ?? [],
    firstFailingMatcher: (labels) => list?.firstFailing(labels),
    severityOf: fixedSeverity === undefined ? severities.severityOf : () => fixedSeverity,
    mode: definition.mode ?? 'observe',
    delayMs: compileDuration(definition.delay, 0, [...path, 'delay'], report),
    cancelWindowMs: compileDuration(definition.cancel_window, 0, [...path, 'cancel_window'], report),
    rungs: rungs.rungs,
    onResolved: definition.on_resolved ?? 'cancel',
    timeoutMs: compileDuration(definition.timeout, DEFAULT_RUN_TIMEOUT_MS, [...path, 'timeout'], report),
    safety,
    unlessFiring: compileUnlessFiring(definition.unless_firing ?? [], context, [...path, 'unless_firing']),
    muteTimes: createMuteTimes([...muted.values()], [...active.values()]),
    approval,
    fields: compileTexts(definition.fields ?? NO_TEXTS, shape, context, [...path, 'fields']),
    customerMessages: compileTexts(definition.customer_messages ?? NO_TEXTS, shape, context, [...path, 'customer_messages']),
    mutedBy: definition.mute_time_intervals ?? [],
    params,
    responseTo: (severity) => plans.planOf(severity, escalationPolicy),
    notify: compileTexts(definition.notify ?? NO_TEXTS, shape, context, [...path, 'notify']),
    readsOnly: rungs.rungs.every((rung) => onlyReads(rung.playbook)),
    ...(definition.runbook_url === undefined ? {} : { runbookUrl: definition.runbook_url }),
    ...(target === undefined ? {} : { target }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(definition.manual === undefined ? {} : { manual: { roles: definition.manual.roles } }),
    ...(definition.group_by === undefined ? {} : { groupBy: definition.group_by }),
    ...(verify === undefined ? {} : { verify: verify.verify }),
    ...(escalationPolicy === undefined ? {} : { escalationPolicy }),
    ...(definition.objectives === undefined ? {} : { objectives: compileObjectives(definition.objectives, path, report) }),
  };
  if (definition.notify !== undefined) checkNotify(definition.notify, context, [...path, 'notify']);
  if (definition.runbook_url !== undefined) checkRunbookUrl(definition.runbook_url, context, [...path, 'runbook_url']);
  if (rule.schedule !== undefined) refuseUnschedulable(rule, context, path);
  warnOfDestructiveSteps(rule, context, path);
  refuseUnconnectedSteps(rule, context, path);
  return { rule, matchers };
}

function compileTriggers(definition: RuleDefinition, context: RuleContext, path: YamlPath): MatcherList | undefined {
  const { matchers, schedule, manual } = definition;
  const { report } = context;
  if (manual !== undefined) {
    const at = [...path, 'manual', 'roles'];
    checkRoles(manual.roles, context.settings, at, report);
    for (const name of emptyRoles(manual.roles, context.settings.roles ?? new Map())) {
      report([...at, manual.roles.indexOf(name)], `nobody is in the role '${name}'`, { severity: 'warning' });
    }
  }
  if (matchers !== undefined) return compileMatchers(matchers, [...path, 'matchers'], report);
  if (schedule === undefined && manual === undefined) {
    report([...path, 'name'], 'nothing triggers this rule: write `matchers`, `schedule` or `manual`');
  }
  return undefined;
}

/** By the clock there are no labels: a target must have its value without them. */
function refuseUnschedulable({ rungs, target, params }: Rule, { report }: RuleContext, path: YamlPath): void {
  if (rungs.length === 0) report([...path, 'schedule'], 'a rule with a `schedule` needs steps: there is no alert to tell of');
  try {
    const given = parseParameters(params, {}, matchesPattern);
    target?.render({ ...NO_ALERT, params: given, now: Date.now() });
  } catch (error) {
    // What a parameter lacks is said where it stands.
    if (error instanceof ParameterError) return;
    if (!(error instanceof ExpressionError)) throw error;
    report([...path, 'target'], `by its schedule the rule has no alert, and so its target no value: ${error.message}`);
  }
}

/** Neither an alert nor a clock gives parameters: what cannot be done without has a default. */
function refuseUnansweredParameters(
  params: ParameterSpecs,
  trigger: 'alert' | 'clock',
  { report }: RuleContext,
  path: YamlPath,
): void {
  for (const [name, spec] of Object.entries(params)) {
    if (spec.required !== true || spec.default !== undefined) continue;
    report([...path, 'params', name], `${trigger}s trigger this rule, and no ${trigger} gives '${name}': write a \`default\``);
  }
}

/** Places that are written as they are; those with `{{ }}` are known when the message is sent. */
function checkNotify(notify: NonNullable<RuleDefinition['notify']>, { notifyCheck, report }: RuleContext, path: YamlPath): void {
  const constant = (place: string | undefined): string | undefined => (place?.includes('{{') === true ? undefined : place);
  const constants = { slack: constant(notify.slack), pagerduty: constant(notify.pagerduty) };
  notifyCheck.check(constants, (key, message, options) => report([...path, key], message, options));
}

function compileSeverity(
  definition: RuleDefinition,
  { severities, report }: RuleContext,
  path: YamlPath,
): SeverityLevel | undefined {
  const name = definition.severity;
  if (name === undefined) return undefined;
  const level = severities.byName(name);
  if (level !== undefined) return level;
  const known = severities.names();
  report(
    [...path, 'severity'],
    `unknown severity '${name}'${known.length === 0 ? '; no `severities` are defined' : suggestName(name, known)}`,
  );
  return undefined;
}

/** The rule's own policy. One that acts needs it, or one from every severity that its alerts may get. */
function compileEscalation(
  definition: RuleDefinition,
  matchers: readonly Matcher[],
  hasSteps: boolean,
  context: RuleContext,
  path: YamlPath,
): string | undefined {
  const { report, settings, severities } = context;
  const own = definition.escalation_policy;
  if (own !== undefined) {
    const known = settings.escalationPolicies;
    if (known !== undefined && !known.has(own)) {
      report([...path, 'escalation_policy'], `unknown escalation policy '${own}'${suggestName(own, [...known.keys()])}`);
    }
    return own;
  }
  if (definition.mode === undefined || definition.mode === 'observe' || !hasSteps) return undefined;
  const levels = definition.severity === undefined ? severities.reachableBy(matchers) : [definition.severity];
  const without = new Set(levels.filter((level) => severities.settingOf(level)?.escalationPolicy === undefined));
  if (without.size === new Set(levels).size) {
    report(
      [...path, 'name'],
      `a rule in mode ${definition.mode} needs an \`escalation_policy\`, its own or one from its severity`,
    );
  } else if (without.size > 0) {
    report([...path, 'name'], `no escalation policy when the severity is ${[...without].join(' or ')}: nobody is called then`, {
      severity: 'warning',
    });
  }
  return undefined;
}

function compileObjectives(
  { rto, rpo }: NonNullable<RuleDefinition['objectives']>,
  path: YamlPath,
  report: RuleContext['report'],
): Objectives {
  return {
    ...(rto === undefined ? {} : { rtoMs: compileDuration(rto, 0, [...path, 'objectives', 'rto'], report) }),
    ...(rpo === undefined ? {} : { rpoMs: compileDuration(rpo, 0, [...path, 'objectives', 'rpo'], report) }),
  };
}

function findIntervals(
  names: readonly string[] | undefined,
  context: RuleContext,
  path: YamlPath,
): ReadonlyMap<string, IntervalDefinition> {
  const known = context.settings.timeIntervals;
  const found = new Map<string, IntervalDefinition>();
  names?.forEach((name, index) => {
    const interval = known.get(name);
    if (interval === undefined && context.settings.isUnconfigured === undefined)
      context.report([...path, index], `unknown time interval '${name}'${suggestName(name, [...known.keys()])}`);
    if (interval !== undefined) found.set(name, interval);
  });
  return found;
}

function compileUnlessFiring(
  definitions: NonNullable<RuleDefinition['unless_firing']>,
  { report }: RuleContext,
  path: YamlPath,
): readonly UnlessFiring[] {
  return definitions.map(({ matchers, equal }, index) => {
    return createUnlessFiring(compileMatchers(matchers, [...path, index, 'matchers'], report), equal ?? []);
  });
}

// A function of its own, so that a rule does not keep what reports problems, and the whole file with it.
function createUnlessFiring(list: MatcherList, equal: readonly string[]): UnlessFiring {
  const alertname = list.matchers.find((matcher) => matcher.name === 'alertname' && matcher.op === '=')?.value;
  return { matches: (labels) => list.matches(labels), equal, ...(alertname === undefined ? {} : { alertname }) };
}

function compileText(source: string, shape: ScopeShape, { compiler, report }: RuleContext, path: YamlPath): TextTemplate {
  const template = compileTextTemplate(compiler, source, shape);
  reportExpression(report, path, template.problems);
  return template;
}

function compileTexts(
  sources: Readonly<Record<string, string>>,
  shape: ScopeShape,
  context: RuleContext,
  path: YamlPath,
): Readonly<Record<string, TextTemplate>>;
function compileTexts<K extends string>(
  sources: Readonly<Partial<Record<K, string | undefined>>>,
  shape: ScopeShape,
  context: RuleContext,
  path: YamlPath,
): Readonly<Partial<Record<K, TextTemplate>>>;
function compileTexts(
  sources: Readonly<Record<string, string | undefined>>,
  shape: ScopeShape,
  context: RuleContext,
  path: YamlPath,
): Readonly<Record<string, TextTemplate>> {
  if (sources === NO_TEXTS) return NO_TEXTS;
  const entries = Object.entries(sources).flatMap(([name, source]) =>
    source === undefined ? [] : [[name, compileText(source, shape, context, [...path, name])] as const],
  );
  return Object.fromEntries(entries);
}

function checkRunbookUrl(text: string, { report }: RuleContext, path: YamlPath): void {
  const protocol = URL.parse(text)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:') report(path, 'a `runbook_url` starts with http:// or https://');
}

function onlyReads(playbook: Playbook): boolean {
  return allSteps(playbook).every(({ call }) => (call.kind === 'playbook' ? onlyReads(call.playbook) : call.effect === 'read'));
}

function warnOfDestructiveSteps(rule: Rule, { report }: RuleContext, path: YamlPath): void {
  if (rule.mode !== 'auto' || rule.safety.allowDestructive) return;
  const found = rule.rungs.map((rung) => findDestructive(rung.playbook)).find((name) => name !== undefined);
  if (found === undefined) return;
  report([...path, 'name'], `${found} is destructive and will be asked for, unless \`safety\` has allow_destructive: true`, {
    severity: 'warning',
  });
}

/** Whether a rule ever does more than watch: by its mode when alerts trigger it, by hand whatever its mode. */
function acts({ mode = 'observe', manual }: Pick<RuleDefinition, 'mode' | 'manual'>): boolean {
  return mode !== 'observe' || manual !== undefined;
}

/** A playbook may lack a connection for rules that only watch; one that acts through it must not. */
function refuseUnconnectedSteps(rule: Rule, { report, observes }: RuleContext, path: YamlPath): void {
  if (observes === true) return;
  const found = rule.rungs.map((rung) => findUnconnected(rung.playbook)).find((name) => name !== undefined);
  if (found !== undefined)
    report(
      [...path, 'name'],
      `a rule ${rule.mode === 'observe' ? 'that is run by hand' : `in mode ${rule.mode}`} uses ${found}, which has no connection`,
    );
}

function findUnconnected(playbook: Playbook): string | undefined {
  for (const { call } of allSteps(playbook)) {
    if (call.kind === 'playbook') {
      const found = findUnconnected(call.playbook);
      if (found !== undefined) return found;
    } else if (call.remediation.connection !== undefined && isWrittenCall(call) && call.written.connection === undefined) {
      return call.remediation.name;
    }
  }
  return undefined;
}

function findDestructive(playbook: Playbook): string | undefined {
  for (const { call, approval } of allSteps(playbook)) {
    if (call.kind === 'playbook') {
      const found = findDestructive(call.playbook);
      if (found !== undefined) return found;
    } else if (call.effect === 'destructive' && approval === undefined) return call.remediation.name;
  }
  return undefined;
}

function allSteps(playbook: Playbook): readonly Step[] {
  return [...playbook.steps, ...playbook.finally];
}
