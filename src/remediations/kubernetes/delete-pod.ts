import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import { changedSince } from './change-object.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { notDoneYet } from './not-done-yet.ts';
import { refuseOwnPod } from './own-pod.ts';
import { parseName } from './plain-name.ts';
import { readPod, type Pod } from './pod.ts';
import { RESOURCES } from './resource.ts';
import { touchOf } from './workload-name.ts';

interface DeleteData {
  readonly [key: string]: Json;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly owner: string;
  readonly node: string;
}

/** Deletes one pod, so that its controller makes another. */
export const deletePod = defineRemediation({
  name: 'kubernetes.delete_pod',
  summary: 'Deletes one pod, gracefully, so that its controller makes a new one.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["pods"], verbs: ["get", "delete"] }`.',
    'Only the very pod that was planned is deleted: its uid goes with the request. Refused are a pod without a controller, which would not come back, a static pod of a node, a pod that is being deleted already, and the one that remedyd itself runs in. PodDisruptionBudgets do not hold for deletions: keep the rule from taking several pods at once.',
    'The pod gets its own `terminationGracePeriodSeconds`. Success means that the deletion has begun. After a timeout or a crash the step looks whether this pod is gone or going.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: { pod: { type: 'string', required: true, description: 'The name of the pod.' }, ...NAMESPACE_PARAM },
  outputs: {
    pod: { type: 'string', description: 'The name of the pod.' },
    uid: { type: 'string', description: 'Its uid.' },
    owner: { type: 'string', description: 'What makes the new one: `ReplicaSet api-5d9c7b`.' },
    node: { type: 'string', description: 'The node it ran on; empty when it ran on none.' },
  },
  example: {
    pod: 'api-5d9c7b-x2x9z',
    uid: '0d0f6f0e-6b0a-4c83-8a5f-3a8a4a1f0e11',
    owner: 'ReplicaSet api-5d9c7b',
    node: 'worker-1',
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const { connection } = context;
    const namespace = findNamespace(connection, params.namespace);
    const name = parseName('pod', params.pod);
    refuseOwnPod(namespace, name);
    const pod = await readPod(await connectKubernetes(context), namespace, name);
    const owner = requireReplaceable(namespace, pod);
    const data: DeleteData = { namespace, pod: name, uid: pod.metadata.uid, owner, node: pod.spec.nodeName ?? '' };
    return {
      summary: `delete pod ${namespace}/${name} (${pod.status.phase}); ${owner} makes a new one`,
      identity: { namespace, pod: name, uid: pod.metadata.uid },
      touches: [touchOf(connection, namespace, 'pod', name)],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { namespace, pod: name, uid } = plan.data;
    const api = await connectKubernetes(context);
    const pod = await readPod(api, namespace, name);
    if (pod.metadata.uid !== uid) throw changedSince(`pod ${namespace}/${name}`, 'was replaced by another of that name');
    requireReplaceable(namespace, pod);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
    await callApi(api, { verb: 'delete', resource: { ...RESOURCES.pod, namespace, name }, body }, z.unknown());
    return createOutput(plan.data);
  },

  async look(plan, startedAt, context) {
    const { namespace, pod: name, uid } = plan.data;
    const current = await findPod(() => connectKubernetes(context).then((api) => readPod(api, namespace, name)));
    const isGone = current?.metadata.uid !== uid || current.metadata.deletionTimestamp != null;
    return isGone ? { state: 'done', output: createOutput(plan.data) } : notDoneYet(startedAt, context.clock);
  },
});

async function findPod(read: () => Promise<Pod>): Promise<Pod | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StepError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** The controller that makes a new one, for people. */
function requireReplaceable(namespace: string, { metadata }: Pod): string {
  const what = `pod ${namespace}/${metadata.name}`;
  const refuse = (why: string): StepError =>
    new StepError('precondition_failed', `${what} ${why}; nothing was done`, { happened: 'nothing' });
  if (metadata.deletionTimestamp != null) throw refuse('is being deleted already');
  const { controller } = metadata;
  if (controller === undefined) throw refuse('has no controller, so that it would not come back');
  if (controller.kind === 'Node') throw refuse('is a static pod of its node, which deleting does not restart');
  return `${controller.kind} ${controller.name}`;
}

function createOutput({ pod, uid, owner, node }: DeleteData) {
  return { pod, uid, owner, node };
}
