import type { KubernetesConnection } from '../../domain/connection.ts';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** The parameter of every remediation that works in a namespace. */
export const NAMESPACE_PARAM = {
  namespace: { type: 'string', description: "One of the connection's `namespaces`; default: the only one." },
} as const;

/** The namespace that is meant; `not_allowed` for one that the connection does not name, `missing_value` when it names several. */
export function findNamespace({ name, namespaces }: KubernetesConnection, wanted: string | undefined): string {
  const known = namespaces.join(', ');
  if (wanted === undefined) {
    const [only, ...others] = namespaces;
    if (only !== undefined && others.length === 0) return only;
    const message = `give \`namespace\`: the kubernetes connection "${name}" has several: ${known}`;
    throw new StepError('missing_value', message, { happened: 'nothing' });
  }
  if (namespaces.includes(wanted)) return wanted;
  const message = `namespace "${quoteLine(wanted)}" is not in \`namespaces\` of the kubernetes connection "${name}": ${known}`;
  throw new StepError('not_allowed', message, { happened: 'nothing' });
}
