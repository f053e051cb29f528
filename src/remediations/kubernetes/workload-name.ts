import type { KubernetesConnection } from '../../domain/connection.ts';
import type { Json } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { parseName } from './plain-name.ts';

const WORKLOAD_KINDS = ['deployment', 'statefulset', 'daemonset'] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

export interface WorkloadName {
  readonly [key: string]: Json;
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

/** The parameters by which a step says which workload it means. */
export const WORKLOAD_PARAMS = {
  deployment: { type: 'string', description: 'The name of the Deployment.' },
  statefulset: { type: 'string', description: 'Instead of `deployment`: the name of a StatefulSet.' },
  daemonset: { type: 'string', description: 'Instead of `deployment`: the name of a DaemonSet.' },
  ...NAMESPACE_PARAM,
} as const;

type WorkloadParams = Readonly<Partial<Record<WorkloadKind | 'namespace', string | undefined>>>;

/** The one workload that is named; else `missing_value` or `invalid_value`. */
export function parseWorkload(connection: KubernetesConnection, params: WorkloadParams): WorkloadName {
  const [named, ...others] = WORKLOAD_KINDS.flatMap((kind) => {
    const name = params[kind];
    return name === undefined ? [] : [{ kind, name }];
  });
  if (named === undefined || others.length > 0) {
    throw new StepError(
      named === undefined ? 'missing_value' : 'invalid_value',
      `give one of ${WORKLOAD_KINDS.map((kind) => `\`${kind}\``).join(', ')}`,
      { happened: 'nothing' },
    );
  }
  const namespace = findNamespace(connection, params.namespace);
  return { kind: named.kind, namespace, name: parseName(named.kind, named.name) };
}

/** For people: `deployment core/api`. */
export function describeWorkload({ kind, namespace, name }: WorkloadName): string {
  return `${kind} ${namespace}/${name}`;
}

/** What a plan touches that changes an object. */
export function touchOf(connection: KubernetesConnection, namespace: string, kind: string, name: string): string {
  return `kubernetes:${connection.name}/${namespace}/${kind}/${name}`;
}
