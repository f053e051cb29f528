import { StepError } from '../../domain/remediation.ts';
import type { ContainerDetails } from './container-details.ts';

/** Fails with `precondition_failed` for a container that the engine removes when it stops. */
export function requireKeptAtStop({ name, isRemovedAtStop }: ContainerDetails): void {
  if (!isRemovedAtStop) return;
  const message = `container ${name} is removed when it stops (--rm): nothing could start it again`;
  throw new StepError('precondition_failed', message, { happened: 'nothing' });
}
