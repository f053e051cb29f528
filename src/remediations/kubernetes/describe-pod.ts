import { defineRemediation } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { readEvents } from './object-events.ts';
import { toInstant } from './object-metadata.ts';
import { parseName } from './plain-name.ts';
import { countRestarts, readPod, type ContainerStatus, type Pod } from './pod.ts';

const MOST_EVENTS = 20;

/** Reads what is known of a pod. */
export const describePod = defineRemediation({
  name: 'kubernetes.describe_pod',
  summary:
    'Reads what `kubectl describe pod` is asked for: phase, restarts, why containers wait or ended, conditions and events.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }` and `{ apiGroups: [""], resources: ["events"], verbs: ["list"] }`.',
    'Environment variables and volumes are left out: they often hold secrets.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: { pod: { type: 'string', required: true, description: 'The name of the pod.' }, ...NAMESPACE_PARAM },
  outputs: {
    pod: { type: 'string', description: 'The name of the pod.' },
    phase: {
      type: 'string',
      description: '`Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`, or `Terminating` while it is deleted.',
    },
    ready: { type: 'bool', description: 'Whether the pod is ready.' },
    restarts: { type: 'int', description: 'Restarts of its containers, together.' },
    node: { type: 'string', description: 'The node; empty when none was found for it yet.' },
    owner: { type: 'string', description: 'Its controller: `ReplicaSet api-5d9c7b`; empty without.' },
    started_at: { type: 'timestamp', description: 'When the node took it; the year 1 when none has.' },
    containers: {
      type: 'list',
      description:
        'Each with `name`, `image`, `ready`, `restarts`, `state` (`running`, `waiting`, `terminated`), `reason`, `exit_code`, `last_reason` and `last_exit_code` (of the run before; -1 for none).',
    },
    conditions: { type: 'list', description: 'Each with `type`, `status`, `reason` and `message`.' },
    events: { type: 'list', description: 'The newest 20, as `kubernetes.events` gives them.' },
  },
  example: {
    pod: 'api-5d9c7b-x2x9z',
    phase: 'Running',
    ready: false,
    restarts: 7,
    node: 'worker-1',
    owner: 'ReplicaSet api-5d9c7b',
    started_at: '2026-11-21T02:10:00.000Z',
    containers: [
      {
        name: 'api',
        image: 'registry.example/api:2.1',
        ready: false,
        restarts: 7,
        state: 'waiting',
        reason: 'CrashLoopBackOff',
        exit_code: -1,
        last_reason: 'OOMKilled',
        last_exit_code: 137,
      },
    ],
    conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: '' }],
    events: [],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const namespace = findNamespace(connection, params.namespace);
    const name = parseName('pod', params.pod);
    return Promise.resolve({
      summary: `describe pod ${namespace}/${name}`,
      identity: { namespace, pod: name },
      touches: [],
      data: { namespace, name },
    });
  },

  async run({ data: { namespace, name } }, context) {
    const api = await connectKubernetes(context);
    const pod = await readPod(api, namespace, name);
    const about = { kind: 'Pod', name, uid: pod.metadata.uid };
    const { events } = await readEvents(api, namespace, about, MOST_EVENTS);
    const { metadata, spec, status } = pod;
    const conditions = status.conditions ?? [];
    return {
      pod: name,
      phase: metadata.deletionTimestamp == null ? status.phase : 'Terminating',
      ready: conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      restarts: countRestarts(pod),
      node: spec.nodeName ?? '',
      owner: metadata.controller === undefined ? '' : `${metadata.controller.kind} ${metadata.controller.name}`,
      started_at: toInstant(status.startTime),
      containers: describeContainers(pod),
      conditions: conditions.slice(0, 20).map(({ message, ...rest }) => ({ ...rest, message: quoteLine(message) })),
      events,
    };
  },
});

function describeContainers({ spec, status }: Pod) {
  const statuses = new Map(
    [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((one) => [one.name, one]),
  );
  return [...(spec.initContainers ?? []), ...spec.containers].slice(0, 100).map(({ name, image }) => {
    const current = statuses.get(name);
    return {
      name,
      image,
      ready: current?.ready ?? false,
      restarts: current?.restartCount ?? 0,
      ...describeState(current),
      last_reason: current?.lastState.terminated?.reason ?? '',
      last_exit_code: current?.lastState.terminated?.exitCode ?? -1,
    };
  });
}

function describeState(status: ContainerStatus | undefined) {
  const { running, waiting, terminated } = status?.state ?? {};
  if (running != null) return { state: 'running', reason: '', exit_code: -1 };
  if (terminated != null) return { state: 'terminated', reason: terminated.reason, exit_code: terminated.exitCode };
  return { state: 'waiting', reason: waiting?.reason ?? '', exit_code: -1 };
}
