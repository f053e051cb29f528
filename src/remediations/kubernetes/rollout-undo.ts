import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { changedSince, changeObject } from './change-object.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { LOOK_AGAIN_MS, notDoneYet } from './not-done-yet.ts';
import { refuseOwnWorkload } from './own-pod.ts';
import { requireUnpaused } from './require-rollout.ts';
import { RESOURCES } from './resource.ts';
import { readRevisions, type Revision } from './revisions.ts';
import { describeWorkload, parseWorkload, touchOf, WORKLOAD_PARAMS, type WorkloadName } from './workload-name.ts';
import { readWorkload, workloadSchema, type Workload } from './workload.ts';

interface UndoData {
  readonly [key: string]: Json;
  readonly workload: WorkloadName;
  readonly uid: string;
  readonly generation: number;
  readonly from: number;
  readonly to: number;
  /** Of the pod template to go back to: it is as large as a journal should not be. */
  readonly digest: string;
}

/** Puts the pod template of an earlier revision back. */
export const rolloutUndo = defineRemediation({
  name: 'kubernetes.rollout_undo',
  summary: 'Rolls a Deployment, StatefulSet or DaemonSet back to its previous revision, or to a given one.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "patch"] }` and `{ apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list"] }` (for `statefulsets` and `daemonsets` `controllerrevisions` instead of `replicasets`), and `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }`, to know the workload that remedyd itself runs in, which it refuses.',
    'As with `kubectl rollout undo`, revisions are the ReplicaSets or ControllerRevisions that Kubernetes keeps (`revisionHistoryLimit`); without `to_revision` it is the one before the newest. Only the pod template goes back: no ConfigMap, no database. It refuses a paused Deployment, a revision that is not kept, and one whose template is the present one.',
    'A second undo goes back to the version that the first one left, as with kubectl: give the rule a cooldown, or name `to_revision`.',
    'Success means that Kubernetes took it: follow with `kubernetes.rollout_status`. Whatever deploys from Git puts the newer version back at its next sync.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    ...WORKLOAD_PARAMS,
    to_revision: { type: 'int', min: 1, description: 'A revision of `kubectl rollout history`; default: the previous one.' },
  },
  outputs: {
    workload: { type: 'string', description: 'What was rolled back: `deployment core/api`.' },
    from_revision: { type: 'int', description: 'The revision before.' },
    to_revision: {
      type: 'int',
      description: 'The revision whose pod template is in force now. Kubernetes gives it a new number.',
    },
    generation: { type: 'int', description: "The workload's generation with this change." },
  },
  example: { workload: 'deployment core/api', from_revision: 5, to_revision: 4, generation: 9 },
  effect: () => 'change',
  inDoubt: 'look',

  async plan(params, context) {
    const workload = parseWorkload(context.connection, params);
    const what = describeWorkload(workload);
    const api = await connectKubernetes(context);
    const current = await readWorkload(api, workload);
    requireUnpaused(what, current);
    if (!isSeen(current)) {
      const message = `${what} was just changed and its controller has not taken it up: its revisions are not certain yet`;
      throw new StepError('unavailable', message, { happened: 'nothing' });
    }
    const revisions = await readRevisions(api, workload, current);
    const { newest, target } = chooseRevision(revisions, params.to_revision, what);
    await refuseOwnWorkload(api, workload);
    const data: UndoData = {
      workload,
      uid: current.metadata.uid,
      generation: current.metadata.generation,
      from: newest.number,
      to: target.number,
      digest: target.digest,
    };
    return {
      summary: `roll ${what} back from revision ${newest.number} to ${target.number}`,
      identity: { ...workload, uid: current.metadata.uid, to_revision: target.number },
      touches: [touchOf(context.connection, workload.namespace, workload.kind, workload.name)],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { workload, uid, generation, to, digest } = plan.data;
    const { kind, namespace, name } = workload;
    const what = describeWorkload(workload);
    const api = await connectKubernetes(context);
    const revisions = await readRevisions(api, workload, await readWorkload(api, workload));
    const target = revisions.find((revision) => revision.number === to && revision.digest === digest);
    if (target === undefined) throw changedSince(`revision ${to} of ${what}`, 'was removed');
    const after = await changeObject(api, { ...RESOURCES[kind], namespace, name }, workloadSchema, (current) => {
      if (current.metadata.uid !== uid) throw changedSince(what, 'was replaced by another of that name');
      if (current.metadata.generation !== generation) throw changedSince(what, 'was changed by somebody else');
      requireUnpaused(what, current);
      // As a whole: what only the newer template has must go.
      return { spec: { template: { ...target.template, $patch: 'replace' } } };
    });
    return createOutput(plan.data, after.metadata.generation);
  },

  async look(plan, startedAt, context) {
    const { workload, uid, generation, digest } = plan.data;
    const api = await connectKubernetes(context);
    const current = await readWorkload(api, workload);
    if (current.metadata.uid !== uid) return { state: 'unknown' };
    if (current.metadata.generation === generation) return notDoneYet(startedAt, context.clock);
    if (!isSeen(current)) return { state: 'wait', ms: LOOK_AGAIN_MS };
    const [newest] = await readRevisions(api, workload, current);
    if (newest?.digest !== digest) return { state: 'unknown' };
    return { state: 'done', output: createOutput(plan.data, current.metadata.generation) };
  },
});

/** Whether its controller knows the present version: then the newest revision is the one in force. */
function isSeen({ metadata, status }: Workload): boolean {
  return status.observedGeneration >= metadata.generation;
}

/** Of the revisions, newest first. */
function chooseRevision(revisions: readonly Revision[], wanted: number | undefined, what: string) {
  const [newest, previous] = revisions;
  const target = wanted === undefined ? previous : revisions.find(({ number }) => number === wanted);
  if (newest === undefined || target === undefined) {
    const kept = revisions.map(({ number }) => number).join(', ') || 'none';
    const message = wanted === undefined ? 'no revision to go back to' : `no revision ${wanted}`;
    throw new StepError('not_found', `${what} has ${message}; kept are: ${kept}`, { happened: 'nothing' });
  }
  if (target.digest !== newest.digest) return { newest, target };
  const message = `the pod template of revision ${target.number} is the one in force: there is nothing to undo`;
  throw new StepError('precondition_failed', `${what}: ${message}`, { happened: 'nothing' });
}

function createOutput({ workload, from, to }: UndoData, generation: number) {
  return { workload: describeWorkload(workload), from_revision: from, to_revision: to, generation };
}
