import { createHash, randomBytes } from 'node:crypto';
import { dictAt, isDict, numberAt, textAt, type ApiObject, type Dict, type ObjectMeta } from './api-object.ts';
import { isEqual, kindNamed, type ObjectStore } from './object-store.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const HASH = 'pod-template-hash';

/** How rollouts go: at once, or their new pods never get ready. */
export type RolloutMood = 'quick' | 'stalled';

const DEPLOYMENT = kindNamed('Deployment');
const REPLICA_SET = kindNamed('ReplicaSet');
const STATEFUL_SET = kindNamed('StatefulSet');
const DAEMON_SET = kindNamed('DaemonSet');
const CONTROLLER_REVISION = kindNamed('ControllerRevision');
const POD = kindNamed('Pod');
const OWNERS = [DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET];

/** What the controller manager does, as far as rollouts show it: ReplicaSets, revisions, pods and status. */
export class Controllers {
  readonly #store: ObjectStore;
  mood: RolloutMood = 'quick';
  /** Whether stalled rollouts have passed their progress deadline. */
  isDeadlineMissed = false;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Brings everything to where its spec wants it. */
  reconcile(): void {
    this.#collectGarbage();
    for (const one of this.#store.list(DEPLOYMENT, undefined)) this.#reconcileDeployment(one);
    for (const one of this.#store.list(STATEFUL_SET, undefined)) this.#reconcileRevisioned(one, 'StatefulSet');
    for (const one of this.#store.list(DAEMON_SET, undefined)) this.#reconcileRevisioned(one, 'DaemonSet');
  }

  /** What the gone own goes too: ReplicaSets first, then their pods. */
  #collectGarbage(): void {
    const owners = (): ReadonlySet<string> =>
      new Set(OWNERS.flatMap((kind) => this.#store.list(kind, undefined)).map(({ metadata }) => metadata.uid));
    for (const kind of [REPLICA_SET, CONTROLLER_REVISION, POD]) {
      const present = owners();
      for (const { metadata } of this.#store.list(kind, undefined)) {
        const owner = metadata.ownerReferences?.find(({ kind: one }) => OWNERS.some((known) => known.kind === one));
        if (owner !== undefined && !present.has(owner.uid)) this.#store.remove(kind, metadata.namespace, metadata.name);
      }
    }
  }

  #reconcileDeployment(deployment: ApiObject): void {
    const { metadata } = deployment;
    const template = dictAt(deployment, 'spec', 'template');
    const isPaused = dictAt(deployment, 'spec')['paused'] === true;
    const replicas = numberAt(deployment, 'spec', 'replicas');
    const sets = this.#owned(REPLICA_SET.kind, metadata);
    const newest = isPaused ? sets.toSorted(byRevision)[0] : this.#replicaSetFor(deployment, template, sets);
    const isMoving = newest !== undefined && sets.length > 0 && this.mood === 'stalled';
    for (const set of this.#owned(REPLICA_SET.kind, metadata)) {
      const isNew = set.metadata.uid === newest?.metadata.uid;
      // A rolling update takes no old pod away before a new one is ready; one new pod is made above the number.
      const wanted = isMoving ? (isNew ? Math.min(1, replicas) : readyOf(set)) : isNew ? replicas : 0;
      this.#scale(set, wanted, !isMoving || !isNew);
    }
    const pods = this.#owned(REPLICA_SET.kind, metadata).flatMap((set) => this.#owned(POD.kind, set.metadata));
    const updated = newest === undefined ? [] : this.#owned(POD.kind, newest.metadata);
    const revision = newest?.metadata.annotations?.[REVISION] ?? '1';
    const before = this.#store.get(DEPLOYMENT, metadata.namespace, metadata.name);
    const annotations = { ...before.metadata.annotations, [REVISION]: revision };
    this.#store.setParts(
      DEPLOYMENT,
      metadata.namespace,
      metadata.name,
      {
        status: {
          observedGeneration: before.metadata.generation,
          replicas: pods.length,
          updatedReplicas: updated.length,
          readyReplicas: pods.filter(isReady).length,
          availableReplicas: pods.filter(isReady).length,
          conditions: [this.#progressing(metadata.name, updated.every(isReady))],
        },
      },
      annotations,
    );
  }

  #replicaSetFor(deployment: ApiObject, template: Dict, sets: readonly ApiObject[]): ApiObject {
    const { metadata } = deployment;
    const last = Math.max(0, ...sets.map(revisionOf));
    const known = sets.find((set) => isEqual(withoutHash(dictAt(set, 'spec', 'template')), template));
    if (known !== undefined) {
      if (revisionOf(known) === last) return known;
      const annotations = { ...known.metadata.annotations, [REVISION]: String(last + 1) };
      return this.#store.update(REPLICA_SET, { ...known, metadata: { ...known.metadata, annotations } });
    }
    const hash = hashOf(template);
    const labels = { ...stringsAt(template, 'metadata', 'labels'), [HASH]: hash };
    return this.#store.create(REPLICA_SET, metadata.namespace, {
      metadata: {
        name: `${metadata.name}-${hash}`,
        labels,
        annotations: { [REVISION]: String(last + 1) },
        ownerReferences: [ownerReference(deployment)],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { ...template, metadata: { ...dictAt(template, 'metadata'), labels } },
      },
      status: {},
    });
  }

  #scale(set: ApiObject, wanted: number, isWell: boolean): void {
    const pods = this.#owned(POD.kind, set.metadata);
    for (const pod of pods.slice(wanted)) this.#store.remove(POD, pod.metadata.namespace, pod.metadata.name);
    for (let count = pods.length; count < wanted; count += 1) {
      this.#createPod(set, `${set.metadata.name}-${randomBytes(3).toString('hex').slice(0, 5)}`, isWell, 'worker-1');
    }
    if (isWell) for (const pod of this.#owned(POD.kind, set.metadata)) this.#makeReady(pod);
    const { namespace, name } = set.metadata;
    this.#store.setParts(REPLICA_SET, namespace, name, { spec: { ...dictAt(set, 'spec'), replicas: wanted } });
  }

  #reconcileRevisioned(owner: ApiObject, kind: 'StatefulSet' | 'DaemonSet'): void {
    const { metadata } = owner;
    const template = dictAt(owner, 'spec', 'template');
    const revisions = this.#owned(CONTROLLER_REVISION.kind, metadata);
    const last = Math.max(0, ...revisions.map((one) => numberAt(one, 'revision')));
    const known = revisions.find((one) => isEqual(withoutPatch(dictAt(one, 'data', 'spec', 'template')), template));
    const hash = hashOf(template);
    if (known === undefined) {
      this.#store.create(CONTROLLER_REVISION, metadata.namespace, {
        metadata: {
          name: `${metadata.name}-${hash}`,
          labels: stringsAt(template, 'metadata', 'labels'),
          ownerReferences: [ownerReference(owner)],
        },
        data: { spec: { template: { ...template, $patch: 'replace' } } },
        revision: last + 1,
      });
    } else if (numberAt(known, 'revision') < last) {
      this.#store.setParts(CONTROLLER_REVISION, metadata.namespace, known.metadata.name, { revision: last + 1 });
    }
    const wanted = kind === 'DaemonSet' ? 1 : numberAt(owner, 'spec', 'replicas');
    const pods = this.#owned(POD.kind, metadata);
    for (const pod of pods) {
      if (pod.metadata.labels?.['controller-revision-hash'] === hash) continue;
      this.#store.remove(POD, pod.metadata.namespace, pod.metadata.name);
    }
    const existing = new Set(this.#owned(POD.kind, metadata).map((pod) => pod.metadata.name));
    for (let index = 0; index < wanted; index += 1) {
      const name = kind === 'StatefulSet' ? `${metadata.name}-${index}` : `${metadata.name}-${hash.slice(0, 5)}`;
      if (!existing.has(name))
        this.#createPod(owner, name, this.mood === 'quick', 'worker-1', { 'controller-revision-hash': hash });
    }
    const all = this.#owned(POD.kind, metadata);
    const ready = all.filter(isReady).length;
    const revision = `${metadata.name}-${hash}`;
    const status =
      kind === 'StatefulSet'
        ? {
            replicas: all.length,
            currentReplicas: all.length,
            readyReplicas: ready,
            updatedReplicas: all.length,
            currentRevision: revision,
            updateRevision: revision,
          }
        : { desiredNumberScheduled: wanted, updatedNumberScheduled: all.length, numberReady: ready, numberAvailable: ready };
    this.#store.setParts(kindNamed(kind), metadata.namespace, metadata.name, {
      status: { observedGeneration: metadata.generation, ...status },
    });
  }

  #createPod(owner: ApiObject, name: string, isWell: boolean, node: string, labels: Record<string, string> = {}): void {
    const template = dictAt(owner, 'spec', 'template');
    const pod = this.#store.create(POD, owner.metadata.namespace, {
      metadata: {
        name,
        labels: { ...stringsAt(template, 'metadata', 'labels'), ...labels },
        annotations: stringsAt(template, 'metadata', 'annotations'),
        ownerReferences: [ownerReference(owner)],
      },
      spec: { ...dictAt(template, 'spec'), nodeName: node },
      status: podStatus(dictAt(template, 'spec'), name, false),
    });
    if (isWell) this.#makeReady(pod);
  }

  #makeReady(pod: ApiObject): void {
    if (isReady(pod)) return;
    const { namespace, name } = pod.metadata;
    this.#store.setParts(POD, namespace, name, { status: podStatus(dictAt(pod, 'spec'), name, true) });
  }

  #progressing(name: string, isDone: boolean): Dict {
    if (!isDone && this.isDeadlineMissed) {
      const message = `Deployment "${name}" has timed out progressing.`;
      return { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message };
    }
    const reason = isDone ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated';
    return { type: 'Progressing', status: 'True', reason, message: 'the rollout is under way' };
  }

  #owned(kind: string, { uid }: ObjectMeta): readonly ApiObject[] {
    return this.#store.owned(kindNamed(kind), uid);
  }
}

/** The status of a pod whose containers run, ready or not yet. */
function podStatus(spec: Dict, name: string, isPodReady: boolean): Dict {
  const containers = Array.isArray(spec['containers']) ? spec['containers'].filter(isDict) : [];
  return {
    phase: 'Running',
    startTime: new Date().toISOString(),
    conditions: [{ type: 'Ready', status: isPodReady ? 'True' : 'False' }],
    containerStatuses: containers.map((container) => ({
      name: container['name'] ?? '',
      ready: isPodReady,
      restartCount: 0,
      containerID: `containerd://${hashOf({ name, container: container['name'] ?? '' })}`,
      state: { running: { startedAt: new Date().toISOString() } },
      lastState: {},
    })),
  };
}

function isReady(pod: ApiObject): boolean {
  const conditions = dictAt(pod, 'status')['conditions'];
  return (
    Array.isArray(conditions) && conditions.some((one) => isDict(one) && one['type'] === 'Ready' && one['status'] === 'True')
  );
}

function readyOf(set: ApiObject): number {
  return numberAt(set, 'spec', 'replicas');
}

function revisionOf(set: ApiObject): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

function byRevision(a: ApiObject, b: ApiObject): number {
  return revisionOf(b) - revisionOf(a);
}

function ownerReference({ apiVersion, kind, metadata }: ApiObject) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
}

function stringsAt(value: unknown, ...path: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(dictAt(value, ...path)).map(([key, value]) => [key, textAt({ value }, 'value')]));
}

function withoutHash(template: Dict): Dict {
  const metadata = dictAt(template, 'metadata');
  const labels = Object.fromEntries(Object.entries(dictAt(metadata, 'labels')).filter(([key]) => key !== HASH));
  return { ...template, metadata: { ...metadata, labels } };
}

function withoutPatch(template: Dict): Dict {
  return Object.fromEntries(Object.entries(template).filter(([key]) => key !== '$patch'));
}

function hashOf(value: Dict): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 9);
}
