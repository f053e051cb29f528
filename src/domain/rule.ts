import type { Labels } from './alert.ts';
import type { CronTimes } from './cron-times.ts';
import type { Json, JsonObject } from './json.ts';
import type { ParameterSpecs } from './parameter.ts';
import type { AnyRemediation, Effect } from './remediation.ts';
import type { Scope } from './scope.ts';
import type { IncidentPhase } from './incident-phase.ts';
import type { ResponsePlan } from './response.ts';

export const RULE_MODES = ['observe', 'approve', 'auto'] as const;
export type RuleMode = (typeof RULE_MODES)[number];

/** `3 per 24h`. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

/** A bare condition; throws `ExpressionError`. */
export interface Condition {
  readonly source: string;
  evaluate(scope: Scope): boolean;
}

/** A text or value with `{{ }}` in it; throws `ExpressionError`, also for an empty text (fail closed). */
export interface Template {
  readonly source: string;
  render(scope: Scope): Json;
}

/** A target or another value that has to be a text. */
export interface TextTemplate {
  readonly source: string;
  render(scope: Scope): string;
  /** For messages: what is missing prints as `–`. Never throws. */
  renderForPeople(scope: Scope): string;
}

/** A step's or check's call of a remediation. */
export interface RemediationCall {
  readonly kind: 'remediation';
  readonly remediation: AnyRemediation;
  /** The effect as far as constants tell: the worst it may have. */
  readonly effect: Effect;
  /** Renders and checks the parameters, and the name of the connection; throws `ExpressionError` or `ParameterError`. */
  render(scope: Scope): { readonly connection: string | undefined; readonly params: JsonObject };
}

/** A step that is a playbook. Its steps see the rendered `params`, and never the rule's labels. */
export interface PlaybookCall {
  readonly kind: 'playbook';
  readonly playbook: Playbook;
  render(scope: Scope): JsonObject;
}

/** Who is asked, how many, how long. */
export interface ApprovalSpec {
  readonly roles: readonly string[];
  readonly count: number;
  readonly timeoutMs: number;
  readonly onTimeout: 'escalate' | 'cancel';
}

export interface Step {
  /** Written, or `step_N` by its place. Unique among its siblings. */
  readonly id: string;
  readonly name: string;
  readonly if?: Condition;
  /** A list of at most 100 values; `item` is in scope of the step. */
  readonly forEach?: Template;
  readonly call: RemediationCall | PlaybookCall;
  readonly timeoutMs: number;
  readonly retry: { readonly attempts: number; readonly backoffMs: number };
  readonly onError: 'fail' | 'continue';
  readonly expect?: Condition;
  /** How long `expect` may take to come true; only for reading steps. */
  readonly withinMs?: number;
  readonly approval?: ApprovalSpec;
}

export interface Playbook {
  /** Empty for the steps that a rule has inline: those see the rule's whole scope. */
  readonly name: string;
  readonly params: ParameterSpecs;
  readonly steps: readonly Step[];
  readonly finally: readonly Step[];
}

/** The rule's playbook (the first) or one of its fallbacks. `call.playbook.name` is empty when the steps are inline. */
export type Rung = PlaybookCall;

export interface Check {
  readonly call: RemediationCall;
  readonly expect: Condition;
  /** Bounds how long this check may take to come true, within the deadline of all. */
  readonly withinMs?: number;
  readonly timeoutMs: number;
}

export interface Verify {
  readonly checks: readonly Check[];
  readonly stableForMs: number;
  readonly resolvedWithinMs: number;
  /** Whether Alertmanager must report it resolved: when `resolved_within` is written or there are no checks. */
  readonly needsResolved: boolean;
}

export interface Safety {
  readonly cooldownMs: number;
  readonly maxRuns: readonly Rate[];
  /** `atOnce`: targets of this rule running at once; `windows`: distinct targets per window. */
  readonly maxTargets: { readonly atOnce?: number; readonly windows: readonly Rate[] };
  readonly breaker: Rate;
  readonly allowDestructive: boolean;
}

/** Recovery objectives, in milliseconds. */
export interface Objectives {
  readonly rtoMs?: number;
  readonly rpoMs?: number;
}

export interface UnlessFiring {
  /** Where one matcher is `alertname = "…"`: that name, to look up by. */
  readonly alertname?: string;
  matches(labels: Labels): boolean;
  readonly equal: readonly string[];
}

export interface MuteTimes {
  /** Whether automation is muted at this instant (epoch ms): inside a mute interval or outside the active ones. */
  isMuted(at: number): boolean;
  /** The first unmuted minute at or after `at`; `undefined` when there is none within a year. */
  unmutedAt(at: number): number | undefined;
}

/** When a rule runs by the clock, without an alert. */
export interface RuleSchedule {
  readonly times: CronTimes;
  /** How late the newest tick that was missed may still run; 0: never. */
  readonly catchUpMs: number;
  /** Of its times: one with another begins anew. */
  readonly digest: string;
}

export interface SeverityLevel {
  readonly name: string;
  /** 0 is the most urgent. */
  readonly rank: number;
}

/** A remediation rule, parsed, checked and compiled: whoever holds one knows that it is sound. */
export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly runbookUrl?: string;
  readonly file: string;
  /** sha256 of the rule with everything it refers to. Equal digests behave equally. */
  readonly digest: string;
  /** The rule with everything it refers to, as plain data, from which `compileSnapshot` makes an equal rule. */
  readonly snapshot: JsonObject;
  /** Whether alerts trigger it (it has matchers). */
  readonly onAlerts: boolean;
  matches(labels: Labels): boolean;
  readonly matcherTexts: readonly string[];
  /** The first matcher that does not match, as written. */
  firstFailingMatcher(labels: Labels): string | undefined;
  readonly target?: TextTemplate;
  readonly groupBy?: readonly string[];
  severityOf(labels: Labels): SeverityLevel;
  readonly mode: RuleMode;
  readonly delayMs: number;
  readonly cancelWindowMs: number;
  /** Empty when the rule only tells people. */
  readonly rungs: readonly Rung[];
  readonly verify?: Verify;
  readonly onResolved: 'cancel' | 'finish';
  readonly timeoutMs: number;
  readonly safety: Safety;
  readonly unlessFiring: readonly UnlessFiring[];
  readonly muteTimes: MuteTimes;
  /** The names of its `mute_time_intervals`. */
  readonly mutedBy: readonly string[];
  readonly approval: ApprovalSpec;
  readonly fields: Readonly<Record<string, TextTemplate>>;
  /** Texts for customers; a phase without one has none. */
  readonly customerMessages: Readonly<Partial<Record<IncidentPhase, TextTemplate>>>;
  /** Absent: no clock starts it. */
  readonly schedule?: RuleSchedule;
  /** By hand: who may start it. Absent: nobody. */
  readonly manual?: { readonly roles: readonly string[] };
  /** The typed parameters of a rule that is started by hand; the clock gives the defaults. */
  readonly params: ParameterSpecs;
  /** What reports hold it to: the longest that its incidents may take, and the longest without a run that succeeds. */
  readonly objectives?: Objectives;
  readonly escalationPolicy?: string;
  /** What people do at this severity, by its name; for names the scale does not know too. */
  responseTo(severity: string): ResponsePlan;
  /** Where the incident's message lives, before the severity's `notify` and the default channel. */
  readonly notify: { readonly slack?: TextTemplate; readonly pagerduty?: TextTemplate };
  /** Whether no step, fallback or `finally` can change anything. */
  readonly readsOnly: boolean;
}

/** All rules that are live, in their order. Immutable: a reload makes a new one. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  readonly playbooks: ReadonlyMap<string, Playbook>;
  byName(name: string): Rule | undefined;
  /** What people do at a severity of the configuration, for incidents whose rule is gone. */
  responseTo(severity: string): ResponsePlan;
  /** The rules that take an alert: every matching one in `observe` up to the first that is not, which ends the search. */
  match(labels: Labels): readonly Rule[];
  /** sha256 of all rules and settings. */
  readonly digest: string;
}
