import type { Json, JsonObject } from '../domain/json.ts';
import type { AnyRemediation, StepErrorCode } from '../domain/remediation.ts';
import type { FilePlace } from './file-place.ts';

/** What the calls of a remediation return. */
export interface Script {
  readonly remediation: AnyRemediation;
  readonly place: FilePlace;
  /** Only calls with these parameters, as remediations get them. */
  readonly when: Readonly<Record<string, Json>>;
  /** Only calls by this connection. */
  readonly connection: string | undefined;
  readonly outputs: readonly ScriptedOutput[];
}

export type ScriptedOutput =
  | { readonly output: JsonObject; readonly takesMs: number }
  | {
      readonly error: { readonly code: StepErrorCode; readonly message: string; readonly happened: 'nothing' | 'unknown' };
      /** Whether the plan fails already. */
      readonly stage: 'plan' | 'run';
      readonly takesMs: number;
    };
