import type { Json } from '../../domain/json.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { changedSince, changeObject } from './change-object.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { notDoneYet } from './not-done-yet.ts';
import { refuseOwnWorkload } from './own-pod.ts';
import { requireRollingUpdate, requireUnpaused } from './require-rollout.ts';
import { RESOURCES } from './resource.ts';
import { describeWorkload, parseWorkload, touchOf, WORKLOAD_PARAMS, type WorkloadName } from './workload-name.ts';
import { readWorkload, workloadSchema, type Workload } from './workload.ts';

/** What `kubectl rollout restart` sets. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

interface RestartData {
  readonly [key: string]: Json;
  readonly workload: WorkloadName;
  readonly uid: string;
  readonly previous: string | null;
  /** By this value `look` knows our restart from others. */
  readonly restartedAt: string;
}

/** Replaces the pods of one workload one after the other, as its strategy says. */
export const rolloutRestart = defineRemediation({
  name: 'kubernetes.rollout_restart',
  summary: 'Restarts a Deployment, StatefulSet or DaemonSet: its pods are replaced as its update strategy says.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "patch"] }` (or `statefulsets`, `daemonsets`; `resourceNames` may narrow it), and `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }`, to know the workload that remedyd itself runs in, which it refuses.',
    'It does what `kubectl rollout restart` does: it sets the annotation `kubectl.kubernetes.io/restartedAt` of the pod template. Success means that Kubernetes took it, not that the new pods run: follow with `kubernetes.rollout_status`.',
    'A paused Deployment and the strategy `OnDelete` are refused, because nothing would be restarted. So is a workload that somebody else restarted since the plan was made. After a timeout or a crash, the annotation tells whether ours was made.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: WORKLOAD_PARAMS,
  outputs: {
    workload: { type: 'string', description: 'What was restarted: `deployment core/api`.' },
    restarted_at: { type: 'timestamp', description: 'The value of the annotation.' },
    generation: { type: 'int', description: "The workload's generation with this restart." },
  },
  example: { workload: 'deployment core/api', restarted_at: '2026-11-21T02:30:11.000Z', generation: 8 },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const workload = parseWorkload(context.connection, params);
    const api = await connectKubernetes(context);
    const current = await readWorkload(api, workload);
    requireRestartable(workload, current);
    await refuseOwnWorkload(api, workload);
    const restartedAt = new Date(context.clock.now()).toISOString();
    const data: RestartData = { workload, uid: current.metadata.uid, previous: restartOf(current), restartedAt };
    return {
      summary: `restart ${describeWorkload(workload)}, ${current.spec.replicas} replicas`,
      identity: { ...workload, uid: current.metadata.uid },
      touches: [touchOf(context.connection, workload.namespace, workload.kind, workload.name)],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { workload, uid, previous, restartedAt } = plan.data;
    const { kind, namespace, name } = workload;
    const api = await connectKubernetes(context);
    const what = describeWorkload(workload);
    const after = await changeObject(api, { ...RESOURCES[kind], namespace, name }, workloadSchema, (current) => {
      if (current.metadata.uid !== uid) throw changedSince(what, 'was replaced by another of that name');
      if (restartOf(current) !== previous) throw changedSince(what, 'was restarted by somebody else');
      requireRestartable(workload, current);
      return { spec: { template: { metadata: { annotations: { [RESTARTED_AT]: restartedAt } } } } };
    });
    return createOutput(workload, restartedAt, after);
  },

  async look(plan, startedAt, context) {
    const { workload, uid, previous, restartedAt } = plan.data;
    const current = await readWorkload(await connectKubernetes(context), workload);
    const restart = restartOf(current);
    if (current.metadata.uid !== uid) return { state: 'unknown' };
    if (restart === restartedAt) return { state: 'done', output: createOutput(workload, restartedAt, current) };
    // Whoever restarted it afterwards wrote over what would tell.
    return restart === previous ? notDoneYet(startedAt, context.clock) : { state: 'unknown' };
  },
});

function requireRestartable(workload: WorkloadName, current: Workload): void {
  const what = describeWorkload(workload);
  requireUnpaused(what, current);
  requireRollingUpdate(what, current);
}

function restartOf({ spec }: Workload): string | null {
  const annotation = readKey(readKey(readKey(spec.template, 'metadata'), 'annotations'), RESTARTED_AT);
  return typeof annotation === 'string' ? annotation : null;
}

function readKey(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}

function createOutput(workload: WorkloadName, restartedAt: string, { metadata }: Workload) {
  return { workload: describeWorkload(workload), restarted_at: restartedAt, generation: metadata.generation };
}
