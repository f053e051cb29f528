import type { WorkloadKind } from './workload-name.ts';
import type { Workload } from './workload.ts';

export interface RolloutProgress {
  readonly complete: boolean;
  readonly stuck: boolean;
  readonly updated: number;
  readonly ready: number;
  readonly desired: number;
  readonly message: string;
}

/** How far a rollout is, by the same conditions in the same order as kubectl (its `polymorphichelpers/rollout_status.go`). */
export function progressOf(kind: WorkloadKind, workload: Workload): RolloutProgress {
  const numbers = NUMBERS[kind](workload);
  const isSeen = workload.metadata.generation <= workload.status.observedGeneration;
  if (!isSeen) return { ...numbers, complete: false, stuck: false, message: 'the change was not seen by its controller yet' };
  const missed = findMissedDeadline(workload);
  if (missed !== undefined) return { ...numbers, complete: false, stuck: true, message: missed };
  const waiting = WAITING[kind](workload);
  return { ...numbers, complete: waiting === undefined, stuck: false, message: waiting ?? 'rolled out' };
}

const NUMBERS = {
  deployment: ({ spec, status }) => ({ updated: status.updatedReplicas, ready: status.readyReplicas, desired: spec.replicas }),
  statefulset: ({ spec, status }) => ({ updated: status.updatedReplicas, ready: status.readyReplicas, desired: spec.replicas }),
  daemonset: ({ status }) => ({
    updated: status.updatedNumberScheduled,
    ready: status.numberReady,
    desired: status.desiredNumberScheduled,
  }),
} as const satisfies Record<WorkloadKind, (workload: Workload) => Pick<RolloutProgress, 'updated' | 'ready' | 'desired'>>;

/** What a rollout waits for; `undefined` when for nothing. */
const WAITING = {
  deployment: ({ spec, status }) => {
    const { replicas, updatedReplicas, availableReplicas } = status;
    if (updatedReplicas < spec.replicas) return `${updatedReplicas} of ${spec.replicas} new pods were made`;
    if (replicas > updatedReplicas) return `${replicas - updatedReplicas} old pods are still there`;
    if (availableReplicas < updatedReplicas) return `${availableReplicas} of ${updatedReplicas} new pods are available`;
    return undefined;
  },
  daemonset: ({ status }) => {
    const { desiredNumberScheduled: desired, updatedNumberScheduled: updated, numberAvailable: available } = status;
    if (updated < desired) return `${updated} of ${desired} new pods were made`;
    if (available < desired) return `${available} of ${desired} new pods are available`;
    return undefined;
  },
  statefulset: ({ spec, status }) => {
    const { readyReplicas, updatedReplicas, currentRevision, updateRevision } = status;
    if (readyReplicas < spec.replicas) return `${readyReplicas} of ${spec.replicas} pods are ready`;
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    if (partition > 0) {
      const wanted = spec.replicas - partition;
      return updatedReplicas < wanted ? `${updatedReplicas} of ${wanted} pods behind the partition are new` : undefined;
    }
    return updateRevision === currentRevision ? undefined : `${updatedReplicas} of ${spec.replicas} pods are of the new revision`;
  },
} as const satisfies Record<WorkloadKind, (workload: Workload) => string | undefined>;

function findMissedDeadline({ status }: Workload): string | undefined {
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason !== 'ProgressDeadlineExceeded') return undefined;
  return progressing.message === '' ? 'it passed its progress deadline' : progressing.message;
}
