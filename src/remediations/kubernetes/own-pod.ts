import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { StepError } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { OWN_NAMESPACE_FILE } from './own-namespace-file.ts';
import { podSchema } from './pod.ts';
import { RESOURCES } from './resource.ts';
import type { WorkloadName } from './workload-name.ts';

/** Refuses (`self_harm`) the pod that remedyd runs in: its name is the host name, unless the pod sets another. */
export function refuseOwnPod(namespace: string, pod: string): void {
  if (pod !== hostname() || isElsewhere(namespace)) return;
  throw new StepError('self_harm', `pod "${pod}" in namespace "${namespace}" is the one that remedyd runs in`, {
    happened: 'nothing',
  });
}

/** Refuses (`self_harm`) the workload that remedyd's own pod belongs to. Needs the right to `get` pods. */
export async function refuseOwnWorkload(api: KubernetesApi, { kind, namespace, name }: WorkloadName): Promise<void> {
  if (isElsewhere(namespace)) return;
  const owner = await findOwnOwner(api, namespace);
  const isOwn = kind === 'deployment' ? owner?.deployment === name : owner?.kind.toLowerCase() === kind && owner.name === name;
  if (!isOwn) return;
  throw new StepError('self_harm', `${kind} "${name}" in namespace "${namespace}" is the one that remedyd runs in`, {
    happened: 'nothing',
  });
}

async function findOwnOwner(api: KubernetesApi, namespace: string) {
  const name = hostname();
  // Names of machines may hold what no pod is called by.
  if (!/^[a-z0-9][-a-z0-9.]*$/.test(name)) return undefined;
  try {
    const resource = { ...RESOURCES.pod, namespace, name };
    const { controller, labels } = (await callApi(api, { verb: 'get', resource }, podSchema)).metadata;
    if (controller === undefined) return undefined;
    const hash = labels['pod-template-hash'];
    const isHashed = controller.kind === 'ReplicaSet' && hash !== undefined && controller.name.endsWith(`-${hash}`);
    return { ...controller, deployment: isHashed ? controller.name.slice(0, -hash.length - 1) : undefined };
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Whether we certainly do not run in this namespace. */
function isElsewhere(namespace: string): boolean {
  try {
    return readFileSync(OWN_NAMESPACE_FILE, 'utf8').trim() !== namespace;
  } catch {
    // No service account is mounted: then only the name can tell.
    return false;
  }
}
