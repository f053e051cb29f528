import type { Labels } from './alert.ts';
import type { Clock } from './clock.ts';
import type { ConnectionKind, ConnectionOf } from './connection.ts';
import type { Json, JsonObject } from './json.ts';
import type { OutputSpecs, OutputsOf, ParameterSpecs, ParametersOf } from './parameter.ts';

/** What a remediation does to its target. `destructive` loses data or cannot be undone. */
export const EFFECTS = ['read', 'change', 'destructive'] as const;
export type Effect = (typeof EFFECTS)[number];

/**
 * What to do with a step that was under way when the daemon died, or that timed out:
 * `repeat` it, because its acting call guards itself; `look` whether it has happened; or `ask` a person.
 */
export const IN_DOUBT = ['repeat', 'look', 'ask'] as const;
export type InDoubt = (typeof IN_DOUBT)[number];

/** Why a step failed: a closed list that feeds the journal, the metrics, the messages and the docs. */
export const STEP_ERROR_CODES = [
  'missing_value', // a label, an output or a parameter was empty or absent
  'invalid_value', // a value does not fit its parameter
  'expression_error', // an expression could not be evaluated
  'not_allowed', // outside the connection's `allow` list or its switches
  'self_harm', // the plan touches remedyd's own container or store
  'over_limit', // more than `limit`, where a part is not safe
  'not_found', // the thing to act on does not exist
  'precondition_failed', // the thing changed between plan and run; nothing was done
  'permission_denied', // the target refused the credentials or the right
  'unavailable', // the target cannot be reached or is not ready
  'timeout', // the step's time was up
  'aborted', // the run was cancelled or the daemon stops
  'rejected', // the target answered that it would not or could not
  'invalid_response', // the target's answer is not what its protocol promises
  'expectation_failed', // `expect` was false
  'not_approved', // a step of `finally` would need an approval that nobody gave
  'unknown_outcome', // nobody can tell whether it happened
  'internal_error', // a defect of ours
] as const;
export type StepErrorCode = (typeof STEP_ERROR_CODES)[number];

/**
 * A step that did not succeed. `happened` says what is certain: `nothing` means that the target is as it was
 * (so that a retry is always safe), `unknown` that the change may have been made. Messages never hold secrets.
 */
export class StepError extends Error {
  readonly code: StepErrorCode;
  readonly happened: 'nothing' | 'unknown';

  constructor(code: StepErrorCode, message: string, options: { happened: 'nothing' | 'unknown'; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'StepError';
    this.code = code;
    this.happened = options.happened;
  }
}

/** What `plan` found and `run` will do, as plain data: it is journaled, shown to people and bound by approvals. */
export interface Plan<D extends Json = Json> {
  /** One line for people: what will happen to what, e.g. `restart container web-1 (running since …)`. */
  readonly summary: string;
  /** The stable part: container, selector, maximum count; never pids or key names, which change every second. */
  readonly identity: JsonObject;
  /** What a change would touch, e.g. `docker:local/web-1`, `postgres:main`. Empty for reads. */
  readonly touches: readonly string[];
  /** How many things would be changed, where that can be counted. */
  readonly count?: number;
  /** What `run` needs, exactly. */
  readonly data: D;
}

/** The short form of a report. */
export interface ReportSummary {
  /** For people, without markup. */
  readonly text: string;
  readonly incidents: number;
  readonly acted: number;
  readonly verified: number;
}

/** What a remediation may use besides its parameters. */
export interface StepContext<K extends ConnectionKind | undefined = ConnectionKind | undefined> {
  readonly connection: K extends ConnectionKind ? ConnectionOf<K> : undefined;
  /** Aborts at the step's timeout and on cancel: the work must really stop (connection closed, process group killed). */
  readonly signal: AbortSignal;
  /** Milliseconds that the step's timeout leaves, for limits given to the target (`t` of a restart, `statement_timeout`). */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly runId: string;
  readonly stepId: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Whether things of this process may be touched: the id of our own container, if we run in one. */
  readonly ownContainerId?: string;
  /** The labels of the alerts that the run is for; empty for a run by hand or by a schedule. */
  readonly alerts: readonly Labels[];
  /** Sends a text to where the rule's messages go. */
  readonly post: (text: string) => Promise<void>;
  /** What automation did in the last so many milliseconds, by the rules whose names begin with a text. */
  readonly report: (sinceMs: number, rulesPrefix: string) => Promise<ReportSummary>;
}

/** Whether a change that was under way has been made. `wait` asks again after so many milliseconds. */
export type Look =
  | { readonly state: 'done'; readonly output: JsonObject }
  | { readonly state: 'not_done' }
  | { readonly state: 'unknown' }
  | { readonly state: 'wait'; readonly ms: number };

/**
 * One action type that a step `uses`. Defined with `defineRemediation`, listed in `remediations/index.ts`.
 * `plan` only reads. `run` does exactly what the plan says, after re-checking the identity in the acting call.
 * Both throw only `StepError`; anything else counts as `internal_error` with unknown effect.
 */
export interface Remediation<
  P extends ParameterSpecs = ParameterSpecs,
  O extends OutputSpecs = OutputSpecs,
  K extends ConnectionKind | undefined = ConnectionKind | undefined,
  D extends Json = Json,
> {
  /** `system.verb_object`, e.g. `docker.restart_container`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** What it needs of the target's rights, and what to know before using it; Markdown. */
  readonly notes: string;
  readonly connection: K;
  readonly params: P;
  readonly outputs: O;
  /** An example of the outputs: valid by type, shown in the docs, returned by rule tests. */
  readonly example: OutputsOf<O>;
  /** The effect for the given parameters. At load only those that are written as constants are given. */
  effect(params: Partial<ParametersOf<P>>): Effect;
  readonly inDoubt: InDoubt;
  plan(params: ParametersOf<P>, context: StepContext<K>): Promise<Plan<D>>;
  run(plan: Plan<D>, context: StepContext<K>): Promise<OutputsOf<O>>;
  /** For `look`: has the planned change been made? `startedAt` is when its step was journaled (epoch ms). */
  look?(plan: Plan<D>, startedAt: number, context: StepContext<K>): Promise<Look>;
}

/** A remediation whose parameter, output and plan types are not known: what registries and the pipeline handle. */
export interface AnyRemediation {
  readonly name: string;
  readonly summary: string;
  readonly notes: string;
  readonly connection: ConnectionKind | undefined;
  readonly params: ParameterSpecs;
  readonly outputs: OutputSpecs;
  readonly example: JsonObject;
  effect(params: JsonObject): Effect;
  readonly inDoubt: InDoubt;
  plan(params: JsonObject, context: StepContext): Promise<Plan>;
  run(plan: Plan, context: StepContext): Promise<JsonObject>;
  look?(plan: Plan, startedAt: number, context: StepContext): Promise<Look>;
}

/** One call of a remediation, rendered: what an executor needs, and nothing of the rule's language. */
export interface RemediationCallInput {
  readonly remediation: AnyRemediation;
  readonly connection: string | undefined;
  readonly params: JsonObject;
  readonly stepId: string;
  /** Milliseconds for the call. */
  readonly timeoutMs: number;
  /** The labels of the alerts that the run is for. */
  readonly alerts: readonly Labels[];
}

/** Checks a definition's types against each other and hides them: values are parsed against `params` before they come in. */
export function defineRemediation<
  const P extends ParameterSpecs,
  const O extends OutputSpecs,
  const K extends ConnectionKind | undefined,
  D extends Json,
>(definition: Remediation<P, O, K, D>): AnyRemediation {
  // The parameters were parsed against `definition.params` and the plan was made by `definition.plan`: both have its types.
  return definition as unknown as AnyRemediation;
}
