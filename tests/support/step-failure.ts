import { StepError } from '../../src/domain/remediation.ts';

/** The StepError that `work` fails with; anything else fails the test. */
export async function stepFailure(work: Promise<unknown>): Promise<StepError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('expected a StepError, but it succeeded');
}
