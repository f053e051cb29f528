import { defineRemediation } from '../../domain/remediation.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { requireRollingUpdate } from './require-rollout.ts';
import { progressOf } from './rollout-progress.ts';
import { describeWorkload, parseWorkload, WORKLOAD_PARAMS } from './workload-name.ts';
import { readWorkload } from './workload.ts';

/** How far a rollout has come. */
export const rolloutStatus = defineRemediation({
  name: 'kubernetes.rollout_status',
  summary: 'Reads how far the rollout of a Deployment, StatefulSet or DaemonSet has come, as `kubectl rollout status` says it.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }` (or `statefulsets`, `daemonsets`).',
    'To wait for a rollout, give the step `expect: output.complete` and `within: 5m`. `stuck` is true once a Deployment has passed its `progressDeadlineSeconds` without progress; Kubernetes does not undo it by itself.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: WORKLOAD_PARAMS,
  outputs: {
    complete: { type: 'bool', description: 'Whether every pod is of the newest version and available.' },
    stuck: { type: 'bool', description: 'Whether a Deployment has passed its progress deadline.' },
    paused: { type: 'bool', description: 'Whether a Deployment is paused.' },
    updated: { type: 'int', description: 'Pods of the newest version.' },
    ready: { type: 'int', description: 'Pods that are ready.' },
    desired: { type: 'int', description: 'Pods that there should be.' },
    message: { type: 'string', description: 'What is waited for, in one line.' },
  },
  example: {
    complete: false,
    stuck: false,
    paused: false,
    updated: 1,
    ready: 3,
    desired: 3,
    message: '1 of 3 new pods were made',
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const workload = parseWorkload(connection, params);
    return Promise.resolve({
      summary: `read the rollout of ${describeWorkload(workload)}`,
      identity: workload,
      touches: [],
      data: workload,
    });
  },

  async run({ data: workload }, context) {
    const current = await readWorkload(await connectKubernetes(context), workload);
    requireRollingUpdate(describeWorkload(workload), current);
    return { ...progressOf(workload.kind, current), paused: current.spec.paused };
  },
});
