import type { DockerConnection } from '../../domain/connection.ts';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { matchesName } from '../matches-name.ts';

/** Fails with `not_allowed` for a container outside `allow`, with `self_harm` for the one that remedyd runs in. */
export function requireChangeable(
  container: { readonly id: string; readonly name: string },
  context: StepContext<'docker'>,
): void {
  requireAllowed(container.name, context.connection);
  // Our own id may be known by its first digits only, as the host name of a container has it.
  const { ownContainerId } = context;
  if (ownContainerId !== undefined && ownContainerId !== '' && container.id.startsWith(ownContainerId)) {
    throw new StepError('self_harm', `container "${container.name}" is the one that remedyd runs in`, { happened: 'nothing' });
  }
}

/** Fails with `not_allowed` unless `allow` of the connection has the name. */
export function requireAllowed(name: string, connection: DockerConnection): void {
  if (isAllowed(name, connection)) return;
  const message = `container "${name}" is not in \`allow\` of the docker connection "${connection.name}"`;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}

/** Whether `allow` of the connection has the name. */
export function isAllowed(name: string, connection: DockerConnection): boolean {
  return connection.allow.some((pattern) => matchesName(pattern, name));
}
