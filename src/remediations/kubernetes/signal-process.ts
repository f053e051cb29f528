import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { changedSince } from './change-object.ts';
import { connectKubernetes } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { refuseOwnPod } from './own-pod.ts';
import { parseName } from './plain-name.ts';
import { chooseContainer, readPod, type Pod } from './pod.ts';
import { runInContainer, type CommandResult } from './run-in-container.ts';
import { touchOf } from './workload-name.ts';

/** Many images have no program `kill`, but their shell has it built in. The values come as arguments, not as text of the script. */
const SHELL_KILL = ['sh', '-c', 'kill -s "$1" "$2"', 'sh'] as const;

interface SignalData {
  readonly [key: string]: Json;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** Of the container's present run: a restarted process is another one. */
  readonly containerId: string;
  readonly signal: string;
  readonly pid: number;
}

/** Sends a signal to a process in a container. */
export const signalProcess = defineRemediation({
  name: 'kubernetes.signal_process',
  summary: 'Sends a signal to a process in a container, by running `kill` there: to reload, or to write a heap dump.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }` and `{ apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] }` (`create` is asked for since Kubernetes 1.35). This right is as good as a shell in every pod of the namespace: RBAC knows no commands, so give it to the namespaces that need it only.',
    'It runs `kill -s SIGNAL PID` without a shell; where the image has no such program, the same through `sh`. An image with neither cannot be signalled. Process 1 ignores signals that it has not asked for. The container must still be in the run that was planned.',
    'Nobody can see afterwards whether a signal came: after a timeout or a crash a person is asked. It refuses the pod that remedyd itself runs in.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    pod: { type: 'string', required: true, description: 'The name of the pod.' },
    container: { type: 'string', description: 'The container; default: its default or only one.' },
    signal: {
      type: 'string',
      required: true,
      enum: ['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2'],
      description: 'The signal. `TERM`, `INT` and `QUIT` usually end the process, and Kubernetes starts the container again.',
    },
    pid: { type: 'int', default: 1, min: 1, max: 4_194_304, description: 'The process, as the container numbers it.' },
    ...NAMESPACE_PARAM,
  },
  outputs: {
    pod: { type: 'string', description: 'The pod.' },
    container: { type: 'string', description: 'The container.' },
    signal: { type: 'string', description: 'The signal that was sent.' },
    pid: { type: 'int', description: 'The process that it was sent to.' },
  },
  example: { pod: 'api-5d9c7b-x2x9z', container: 'api', signal: 'USR2', pid: 1 },
  effect: () => 'change',
  inDoubt: 'ask',

  async plan(params, context) {
    const { connection } = context;
    const namespace = findNamespace(connection, params.namespace);
    const name = parseName('pod', params.pod);
    refuseOwnPod(namespace, name);
    const pod = await readPod(await connectKubernetes(context), namespace, name);
    const container = chooseContainer(pod, params.container);
    const { signal, pid } = params;
    const containerId = findRunning(pod, container);
    const data: SignalData = { namespace, pod: name, uid: pod.metadata.uid, container, containerId, signal, pid };
    return {
      summary: `send SIG${signal} to process ${pid} in container ${container} of pod ${namespace}/${name}`,
      identity: { namespace, pod: name, uid: pod.metadata.uid, container, signal, pid },
      touches: [touchOf(connection, namespace, 'pod', name)],
      count: 1,
      data,
    };
  },

  async run(plan, context) {
    const { namespace, pod, uid, container, containerId, signal, pid } = plan.data;
    const api = await connectKubernetes(context);
    const current = await readPod(api, namespace, pod);
    if (current.metadata.uid !== uid) throw changedSince(`pod ${namespace}/${pod}`, 'was replaced by another of that name');
    if (findRunning(current, container) !== containerId) {
      throw changedSince(`container ${container} of pod ${namespace}/${pod}`, 'was restarted');
    }
    const target = { namespace, pod, container, isChange: true };
    const direct = await runInContainer(api, { ...target, argv: ['kill', '-s', signal, String(pid)] });
    const result =
      direct.exit === 'missing' ? await runInContainer(api, { ...target, argv: [...SHELL_KILL, signal, String(pid)] }) : direct;
    requireSent(result, plan.data);
    return { pod, container, signal, pid };
  },
});

function findRunning({ metadata, status }: Pod, container: string): string {
  const found = status.containerStatuses?.find(({ name }) => name === container);
  if (found?.state.running != null && found.containerID !== undefined) return found.containerID;
  throw new StepError('precondition_failed', `container ${container} of pod ${metadata.name} does not run`, {
    happened: 'nothing',
  });
}

function requireSent({ exit, stderr }: CommandResult, { container, pod, signal, pid }: SignalData): void {
  if (exit === 0) return;
  const why = exit === 'missing' ? 'its image has neither kill nor sh' : `kill ended with ${exit}: ${quoteLine(stderr)}`;
  throw new StepError('rejected', `SIG${signal} was not sent to process ${pid} in container ${container} of pod ${pod}: ${why}`, {
    happened: 'nothing',
  });
}
