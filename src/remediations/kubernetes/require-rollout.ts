import { StepError } from '../../domain/remediation.ts';
import type { Workload } from './workload.ts';

/** A paused Deployment takes changes and does nothing about them: `precondition_failed`. */
export function requireUnpaused(what: string, { spec }: Workload): void {
  if (!spec.paused) return;
  throw new StepError('precondition_failed', `${what} is paused, so that nothing would be rolled out: kubectl rollout resume`, {
    happened: 'nothing',
  });
}

/** With `OnDelete`, pods are replaced only when somebody deletes them: `precondition_failed`. */
export function requireRollingUpdate(what: string, { spec }: Workload): void {
  if (spec.updateStrategy?.type !== 'OnDelete') return;
  throw new StepError('precondition_failed', `${what} has the update strategy OnDelete, so that there is no rollout`, {
    happened: 'nothing',
  });
}
