import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import { changedSince } from './change-object.ts';
import { connectKubernetes, type KubernetesApi } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { notDoneYet } from './not-done-yet.ts';
import { listOf } from './object-metadata.ts';
import { refuseOwnWorkload } from './own-pod.ts';
import { parseName } from './plain-name.ts';
import { chooseReplicas, describeGoal, type ReplicaGoal } from './replica-goal.ts';
import { RESOURCES } from './resource.ts';
import { describeWorkload, touchOf, type WorkloadName } from './workload-name.ts';

const MOST_REPLICAS = 10_000;

const scaleSchema = z.object({
  metadata: z.object({ uid: z.string().min(1), resourceVersion: z.string().min(1) }),
  spec: z.object({ replicas: z.int().default(0) }).prefault({}),
});

const autoscalerSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ scaleTargetRef: z.object({ kind: z.string(), name: z.string() }) }),
});

interface ScaleData {
  readonly [key: string]: Json;
  readonly workload: WorkloadName;
  readonly uid: string;
  readonly from: number;
  readonly to: number;
}

/** Sets the number of replicas of one Deployment. */
export const scaleDeployment = defineRemediation({
  name: 'kubernetes.scale_deployment',
  summary: 'Sets the replicas of a Deployment: `to` a number, or `by` some more or fewer within `min` and `max`.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get", "update"] }` (`resourceNames` may narrow it), `{ apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: ["list"] }`, and `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }`, to know the Deployment that remedyd itself runs in, which it refuses.',
    '`by` needs `min` and `max`, and stops at them; where that leaves nothing to do, or would go the other way, it is `over_limit`, so that a playbook can do something else. `by` also refuses a Deployment with 0 replicas: somebody has stopped it. Scaling `to: 0` stops the service and counts as destructive; so does a negative `by` with `min: 0`.',
    'A Deployment with a HorizontalPodAutoscaler is refused (`precondition_failed`), because the autoscaler would undo the change within seconds: change its `minReplicas` or `maxReplicas` instead.',
    'The number is written only over the one that was planned from; when somebody scales in between, nothing is done.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    deployment: { type: 'string', required: true, description: 'The name of the Deployment.' },
    to: { type: 'int', min: 0, max: MOST_REPLICAS, description: 'The number of replicas. Either this or `by`.' },
    by: {
      type: 'int',
      min: -MOST_REPLICAS,
      max: MOST_REPLICAS,
      description: 'How many more (or, negative, fewer). Needs `min` and `max`.',
    },
    min: { type: 'int', min: 0, max: MOST_REPLICAS, description: 'The fewest replicas that may result.' },
    max: { type: 'int', min: 0, max: MOST_REPLICAS, description: 'The most replicas that may result.' },
    ...NAMESPACE_PARAM,
  },
  outputs: {
    deployment: { type: 'string', description: 'What was scaled: `deployment core/api`.' },
    from: { type: 'int', description: 'Replicas before.' },
    to: { type: 'int', description: 'Replicas now. Success means that Kubernetes took the number, not that the pods run.' },
  },
  example: { deployment: 'deployment core/api', from: 3, to: 4 },
  effect: ({ to, by, min }) => (to === 0 || (by !== undefined && by < 0 && min === 0) ? 'destructive' : 'change'),
  inDoubt: 'look',

  async plan(params, context) {
    const { connection } = context;
    const goal: ReplicaGoal = { to: params.to ?? null, by: params.by ?? null, min: params.min ?? null, max: params.max ?? null };
    const namespace = findNamespace(connection, params.namespace);
    const workload: WorkloadName = { kind: 'deployment', namespace, name: parseName('deployment', params.deployment) };
    const what = describeWorkload(workload);
    const api = await connectKubernetes(context);
    const current = await readScale(api, workload);
    const from = current.spec.replicas;
    const to = chooseReplicas(goal, from, what);
    await refuseAutoscaled(api, workload);
    await refuseOwnWorkload(api, workload);
    const data: ScaleData = { workload, uid: current.metadata.uid, from, to };
    return {
      summary: `scale ${what} from ${from} to ${to} replicas (${describeGoal(goal)})`,
      identity: { ...workload, uid: current.metadata.uid, ...goal },
      touches: [touchOf(connection, namespace, workload.kind, workload.name)],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { workload, uid, from, to } = plan.data;
    const what = describeWorkload(workload);
    const api = await connectKubernetes(context);
    const current = await readScale(api, workload);
    if (current.metadata.uid !== uid) throw changedSince(what, 'was replaced by another of that name');
    if (current.spec.replicas !== from) throw changedSince(what, `was scaled to ${current.spec.replicas}`);
    if (to === from) return createOutput(plan.data);
    const body = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: workload.name, namespace: workload.namespace, ...current.metadata },
      spec: { replicas: to },
    };
    await callApi(api, { verb: 'update', resource: scaleOf(workload), body }, scaleSchema);
    return createOutput(plan.data);
  },

  async look(plan, startedAt, context) {
    const { workload, uid, from, to } = plan.data;
    const current = await readScale(await connectKubernetes(context), workload);
    if (current.metadata.uid !== uid) return { state: 'unknown' };
    if (current.spec.replicas === to) return { state: 'done', output: createOutput(plan.data) };
    return current.spec.replicas === from ? notDoneYet(startedAt, context.clock) : { state: 'unknown' };
  },
});

const scaleOf = ({ namespace, name }: WorkloadName) => ({
  ...RESOURCES.deployment,
  subresource: 'scale',
  namespace,
  name,
});

function readScale(api: KubernetesApi, workload: WorkloadName): Promise<z.infer<typeof scaleSchema>> {
  return callApi(api, { verb: 'get', resource: scaleOf(workload) }, scaleSchema);
}

async function refuseAutoscaled(api: KubernetesApi, { namespace, name, ...workload }: WorkloadName): Promise<void> {
  const resource = { ...RESOURCES.autoscaler, namespace };
  const { items } = await callApi(api, { verb: 'list', resource }, listOf(autoscalerSchema));
  const owner = items.find(({ spec }) => spec.scaleTargetRef.kind === 'Deployment' && spec.scaleTargetRef.name === name);
  if (owner === undefined) return;
  const what = describeWorkload({ ...workload, namespace, name });
  const message = `${what} is scaled by HorizontalPodAutoscaler "${owner.metadata.name}", which would undo it: change the autoscaler's bounds instead`;
  throw new StepError('precondition_failed', message, { happened: 'nothing' });
}

function createOutput({ workload, from, to }: ScaleData) {
  return { deployment: describeWorkload(workload), from, to };
}
