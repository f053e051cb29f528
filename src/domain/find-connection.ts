import type { Connection } from './connection.ts';
import { StepError } from './remediation.ts';

/** The configured connection of a kind: the named one, or the only one. Throws `StepError` (`not_allowed`). */
export function findConnection(
  connections: readonly Connection[],
  kind: Connection['kind'],
  name: string | undefined,
): Connection {
  const ofKind = connections.filter((connection) => connection.kind === kind);
  const found = name === undefined && ofKind.length === 1 ? ofKind[0] : ofKind.find((connection) => connection.name === name);
  if (found !== undefined) return found;
  const known = ofKind.map((connection) => connection.name).join(', ') || 'none';
  throw new StepError('not_allowed', `there is no ${kind} connection ${JSON.stringify(name ?? '')}; configured are: ${known}`, {
    happened: 'nothing',
  });
}
