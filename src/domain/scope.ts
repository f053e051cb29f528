import type { Labels } from './alert.ts';
import type { Json, JsonObject } from './json.ts';

/** An alert as expressions see it: `alert` and the members of `alerts`. */
export interface AlertView {
  readonly status: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly fingerprint: string;
  /** Epoch milliseconds; a timestamp in expressions. */
  readonly starts_at: number;
}

export const STEP_STATES = ['pending', 'running', 'succeeded', 'failed', 'skipped', 'unknown'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** A step as expressions see it: `steps.ID`. `items` has one entry for each round of `for_each`. */
export interface StepView {
  readonly state: StepState;
  readonly output: JsonObject;
  /** The error code, or the empty string. */
  readonly error: string;
  readonly items: readonly {
    readonly item: Json;
    readonly state: StepState;
    readonly output: JsonObject;
    readonly error: string;
  }[];
}

/** `run` in expressions. */
export interface RunView {
  readonly id: string;
  readonly attempt: number;
  readonly failed: boolean;
  /** The person who started it, or the empty string. */
  readonly actor: string;
}

/**
 * What expressions can see. A playbook's expressions have `params`, `steps`, `run`, `vars`, `now` (and `item`) only;
 * the compiler refuses the other names there, so the pipeline may pass one scope to both.
 */
export interface Scope {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly alert?: AlertView;
  readonly alerts?: readonly AlertView[];
  readonly group?: Labels;
  readonly incident?: { readonly id: string; readonly severity: string; readonly status: string; readonly started_at: number };
  readonly params?: JsonObject;
  readonly steps?: Readonly<Record<string, StepView>>;
  readonly run?: RunView;
  /** Epoch milliseconds; a timestamp in expressions. */
  readonly now: number;
  readonly item?: Json;
  readonly output?: JsonObject;
}

/** An expression or template that has no value: `missing_value` for an absent label or an empty text, else `expression_error`. */
export class ExpressionError extends Error {
  readonly code: 'missing_value' | 'expression_error';

  constructor(code: 'missing_value' | 'expression_error', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ExpressionError';
    this.code = code;
  }
}
