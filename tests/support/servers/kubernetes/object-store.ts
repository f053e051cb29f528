import { randomUUID } from 'node:crypto';
import { isDict, type ApiObject, type NewObject } from './api-object.ts';
import { API_KINDS, apiVersionOf, type ApiKind } from './api-kinds.ts';
import { ApiStatus } from './api-status.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';
export type Watcher = (type: ChangeType, object: ApiObject) => void;

/** The objects of a cluster by kind, namespace and name, with the bookkeeping that etcd and the API server do. */
export class ObjectStore {
  readonly #objects = new Map<string, ApiObject>();
  readonly #watchers = new Set<Watcher>();
  #version = 1_000;

  get version(): string {
    return String(this.#version);
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  find(kind: ApiKind, namespace: string | undefined, name: string): ApiObject | undefined {
    const found = this.#objects.get(keyOf(kind, namespace, name));
    return found === undefined ? undefined : structuredClone(found);
  }

  get(kind: ApiKind, namespace: string | undefined, name: string): ApiObject {
    const found = this.find(kind, namespace, name);
    if (found !== undefined) return found;
    throw new ApiStatus(404, 'NotFound', `${fullName(kind)} "${name}" not found`);
  }

  list(kind: ApiKind, namespace: string | undefined): readonly ApiObject[] {
    return this.#select(kind, ({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  }

  /** The objects of a kind that belong to an owner. */
  owned(kind: ApiKind, uid: string): readonly ApiObject[] {
    return this.#select(kind, ({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) === true);
  }

  #select(kind: ApiKind, isMeant: (object: ApiObject) => boolean): readonly ApiObject[] {
    return [...this.#objects.values()].filter((one) => one.kind === kind.kind && isMeant(one)).map((one) => structuredClone(one));
  }

  create(kind: ApiKind, namespace: string | undefined, { metadata, ...parts }: NewObject): ApiObject {
    const key = keyOf(kind, namespace, metadata.name);
    if (this.#objects.has(key)) throw new ApiStatus(409, 'AlreadyExists', `${fullName(kind)} "${metadata.name}" already exists`);
    const object: ApiObject = {
      ...parts,
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        uid: randomUUID(),
        creationTimestamp: new Date().toISOString(),
        generation: 1,
        ...metadata,
        ...(namespace === undefined ? {} : { namespace }),
        resourceVersion: this.#nextVersion(),
      },
    };
    return this.#put(key, object, 'ADDED');
  }

  /** Writes over what is there. A resource version is a precondition; a change of `spec` is a new generation. */
  update(kind: ApiKind, object: ApiObject): ApiObject {
    const { namespace, name, resourceVersion, uid } = object.metadata;
    const old = this.get(kind, namespace, name);
    if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion) {
      const hint = 'the object has been modified; please apply your changes to the latest version and try again';
      throw new ApiStatus(409, 'Conflict', `Operation cannot be fulfilled on ${fullName(kind)} "${name}": ${hint}`);
    }
    if (uid !== old.metadata.uid) {
      const message = `${kind.kind} "${name}" is invalid: metadata.uid: Invalid value: "${uid}": field is immutable`;
      throw new ApiStatus(422, 'Invalid', message);
    }
    const isNewSpec = !isEqual(old['spec'], object['spec']);
    const generation = (old.metadata.generation ?? 1) + (isNewSpec ? 1 : 0);
    const metadata = { ...object.metadata, generation, resourceVersion: this.#nextVersion() };
    return this.#put(keyOf(kind, namespace, name), { ...object, metadata }, 'MODIFIED');
  }

  /** As a controller writes the status: no precondition. */
  setParts(
    kind: ApiKind,
    namespace: string | undefined,
    name: string,
    parts: Readonly<Record<string, unknown>>,
    annotations?: Record<string, string>,
  ): ApiObject {
    const old = this.get(kind, namespace, name);
    const isSame = isEqual(annotations ?? old.metadata.annotations, old.metadata.annotations);
    if (isSame && Object.entries(parts).every(([key, value]) => isEqual(old[key], value))) return old;
    return this.update(kind, {
      ...old,
      ...parts,
      metadata: { ...old.metadata, annotations: annotations ?? old.metadata.annotations ?? {}, resourceVersion: '' },
    });
  }

  remove(kind: ApiKind, namespace: string | undefined, name: string): ApiObject {
    const old = this.get(kind, namespace, name);
    this.#objects.delete(keyOf(kind, namespace, name));
    this.#nextVersion();
    this.#tell('DELETED', old);
    return old;
  }

  #put(key: string, object: ApiObject, type: ChangeType): ApiObject {
    this.#objects.set(key, structuredClone(object));
    this.#tell(type, object);
    return structuredClone(object);
  }

  #tell(type: ChangeType, object: ApiObject): void {
    for (const watcher of this.#watchers) watcher(type, structuredClone(object));
  }

  #nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

/** A kind that is served, by its name. */
export function kindNamed(name: string): ApiKind {
  const found = API_KINDS.find(({ kind }) => kind === name);
  if (found === undefined) throw new Error(`the kind ${name} is not served`);
  return found;
}

/** Whether two values are the same JSON, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isDict(inner) ? Object.fromEntries(Object.entries(inner).sort(([x], [y]) => (x < y ? -1 : 1))) : inner,
  );
}

function keyOf(kind: ApiKind, namespace: string | undefined, name: string): string {
  return [kind.kind, namespace ?? '', name].join('\n');
}

function fullName({ resource, group }: ApiKind): string {
  return group === '' ? resource : `${resource}.${group}`;
}
