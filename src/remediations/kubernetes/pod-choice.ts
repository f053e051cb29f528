import type { KubernetesConnection } from '../../domain/connection.ts';
import type { Json } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { parseName } from './plain-name.ts';
import { listPods, readPod, type Pod } from './pod.ts';
import { readWorkload } from './workload.ts';

/** The parameters by which a step says whose pods it reads. */
export const POD_CHOICE_PARAMS = {
  pod: { type: 'string', description: 'The name of the pod.' },
  deployment: { type: 'string', description: 'Instead of `pod`: the name of the Deployment that it belongs to.' },
  ...NAMESPACE_PARAM,
} as const;

export interface PodChoice {
  readonly [key: string]: Json;
  readonly by: 'pod' | 'deployment';
  readonly namespace: string;
  readonly name: string;
}

interface PodChoiceParams {
  readonly pod?: string | undefined;
  readonly deployment?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Either a pod or a Deployment; else `missing_value` or `invalid_value`. */
export function parsePodChoice(connection: KubernetesConnection, { pod, deployment, namespace }: PodChoiceParams): PodChoice {
  const by = pod === undefined ? 'deployment' : 'pod';
  const name = pod ?? deployment;
  if (name === undefined || (pod !== undefined && deployment !== undefined)) {
    throw new StepError(name === undefined ? 'missing_value' : 'invalid_value', 'give either `pod` or `deployment`', {
      happened: 'nothing',
    });
  }
  return { by, namespace: findNamespace(connection, namespace), name: parseName(by, name) };
}

/** The pods that are meant, at least one: `not_found` when there is none. */
export async function podsOf(api: KubernetesApi, { by, namespace, name }: PodChoice): Promise<readonly Pod[]> {
  if (by === 'pod') return [await readPod(api, namespace, name)];
  const { spec } = await readWorkload(api, { kind: 'deployment', namespace, name });
  const pods = await listPods(api, namespace, spec.selector);
  if (pods.length > 0) return pods;
  throw new StepError('not_found', `deployment ${namespace}/${name} has no pods`, { happened: 'nothing' });
}
