import { StepError } from '../domain/remediation.ts';
import type { StepFailure } from '../domain/state.ts';

/** What a thrown value means for a step. */
export function stepFailure(error: unknown): StepFailure {
  if (error instanceof StepError) return { code: error.code, message: error.message, happened: error.happened };
  return { code: 'internal_error', message: error instanceof Error ? error.message : String(error), happened: 'unknown' };
}
