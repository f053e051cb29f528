import { apiVersionOf } from './api-kinds.ts';
import { at, dictAt, isDict, numberAt, textAt, toDict, type ApiObject, type Dict, type ObjectMeta } from './api-object.ts';
import type { ApiPath } from './api-path.ts';
import { ApiStatus } from './api-status.ts';
import { applyPatch } from './apply-patch.ts';
import type { ObjectStore } from './object-store.ts';
import { matchesFields, matchesLabels } from './selectors.ts';

export interface ApiRequest {
  readonly verb: string;
  readonly path: ApiPath;
  readonly query: URLSearchParams;
  /** Of the body, without its parameters. */
  readonly type: string;
  readonly body: string;
}

/** Does what one request asks, and returns the object that is its answer. */
export function handleObject(store: ObjectStore, request: ApiRequest): object {
  const { verb, path } = request;
  if (path.subresource === 'scale') return handleScale(store, request);
  switch (verb) {
    case 'get':
      return store.get(path.kind, path.namespace, path.name ?? '');
    case 'list':
      return list(store, request);
    case 'update':
      return store.update(path.kind, asObject(path, parseBody(request), store));
    case 'patch':
      return patch(store, request);
    case 'delete':
      return remove(store, request);
    default:
      throw new ApiStatus(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
}

function list(store: ObjectStore, { path, query }: ApiRequest): object {
  const { kind, namespace } = path;
  const all = store
    .list(kind, namespace)
    .filter((object) => matchesLabels(query.get('labelSelector') ?? '', object.metadata.labels))
    .filter((object) => matchesFields(query.get('fieldSelector') ?? '', object));
  const start = Number(query.get('continue') ?? 0);
  const limit = Number(query.get('limit') ?? 0);
  const end = limit === 0 ? all.length : start + limit;
  const next = end < all.length ? { continue: String(end), remainingItemCount: all.length - end } : {};
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: { resourceVersion: store.version, ...next },
    // The items of a list do not say of what kind they are.
    items: all.slice(start, end).map(({ kind: _kind, apiVersion: _version, ...object }) => object),
  };
}

function patch(store: ObjectStore, request: ApiRequest): ApiObject {
  const { path, type, body } = request;
  const old = store.get(path.kind, path.namespace, path.name ?? '');
  const patched = applyPatch(toDict(old), type, JSON.parse(body));
  // Only a version that the patch itself names is a precondition, and it is still the old one if it names none.
  return store.update(path.kind, asObject(path, patched, store));
}

function remove(store: ObjectStore, request: ApiRequest): ApiObject {
  const { kind, namespace, name = '' } = request.path;
  const old = store.get(kind, namespace, name);
  const uid = request.body === '' ? '' : textAt(parseBody(request), 'preconditions', 'uid');
  if (uid !== '' && uid !== old.metadata.uid) {
    const message = `Operation cannot be fulfilled on ${kind.resource} "${name}": the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`;
    throw new ApiStatus(409, 'Conflict', message);
  }
  return store.remove(kind, namespace, name);
}

function handleScale(store: ObjectStore, request: ApiRequest): object {
  const { path, verb, type, body } = request;
  const owner = store.get(path.kind, path.namespace, path.name ?? '');
  const scale = scaleOf(owner);
  if (verb === 'get') return scale;
  const wanted = verb === 'patch' ? applyPatch(toDict(scale), type, JSON.parse(body)) : parseBody(request);
  const replicas = at(wanted, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    const message = `Scale.autoscaling "${owner.metadata.name}" is invalid: spec.replicas: Invalid value: must be greater than or equal to 0`;
    throw new ApiStatus(422, 'Invalid', message);
  }
  const given = at(wanted, 'metadata', 'resourceVersion');
  const resourceVersion = typeof given === 'string' ? given : '';
  const metadata = { ...owner.metadata, resourceVersion };
  return scaleOf(store.update(path.kind, { ...owner, metadata, spec: { ...dictAt(owner, 'spec'), replicas } }));
}

function scaleOf(owner: ApiObject): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = owner.metadata;
  const labels = Object.keys(dictAt(owner, 'spec', 'selector', 'matchLabels')).map(
    (key) => `${key}=${textAt(owner, 'spec', 'selector', 'matchLabels', key)}`,
  );
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(owner, 'spec', 'replicas') },
    status: { replicas: numberAt(owner, 'status', 'replicas'), selector: labels.join(',') },
  };
}

function parseBody({ type, body }: ApiRequest): Dict {
  // As with the real one, a body of no type is JSON.
  if (type !== '' && type !== 'application/json') {
    throw new ApiStatus(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`);
  }
  const value: unknown = JSON.parse(body);
  if (isDict(value)) return value;
  throw new ApiStatus(400, 'BadRequest', 'the body is no object');
}

/** What a client sent, as an object of that place: identity and birth are not its to change. */
function asObject({ kind, namespace, name = '' }: ApiPath, value: Dict, store: ObjectStore): ApiObject {
  const old = store.get(kind, namespace, name);
  const given: Partial<ObjectMeta> = dictAt(value, 'metadata');
  const metadata = { ...given, name, uid: given.uid ?? old.metadata.uid, resourceVersion: given.resourceVersion ?? '' };
  return {
    ...value,
    apiVersion: old.apiVersion,
    kind: old.kind,
    metadata: {
      ...metadata,
      creationTimestamp: old.metadata.creationTimestamp,
      ...(old.metadata.generation === undefined ? {} : { generation: old.metadata.generation }),
      ...(namespace === undefined ? {} : { namespace }),
    },
    ...(old['status'] === undefined ? {} : { status: old['status'] }),
  };
}
