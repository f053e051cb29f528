/** What a request is about: a collection, an object of it, or a part of an object. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, as RBAC has it. */
  readonly resource: string;
  readonly subresource?: string;
  /** Without one, it belongs to the cluster. */
  readonly namespace?: string;
  readonly name?: string;
}

type Kind = Pick<Resource, 'group' | 'version' | 'resource'>;

const apps = (resource: string): Kind => ({ group: 'apps', version: 'v1', resource });
const core = (resource: string): Kind => ({ group: '', version: 'v1', resource });

/** The kinds of objects that are read or changed. */
export const RESOURCES = {
  deployment: apps('deployments'),
  statefulset: apps('statefulsets'),
  daemonset: apps('daemonsets'),
  replicaset: apps('replicasets'),
  controllerrevision: apps('controllerrevisions'),
  pod: core('pods'),
  event: core('events'),
  configmap: core('configmaps'),
  node: core('nodes'),
  autoscaler: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' },
  podMetrics: { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' },
} as const satisfies Readonly<Record<string, Kind>>;

/** The path of the request. */
export function pathOf({ group, version, resource, subresource, namespace, name }: Resource): string {
  const root = group === '' ? ['api', version] : ['apis', group, version];
  const place = namespace === undefined ? [] : ['namespaces', namespace];
  const object = [resource, name, subresource].filter((part) => part !== undefined);
  return `/${[...root, ...place, ...object].map(encodeURIComponent).join('/')}`;
}

/** For people: `deployments/scale "api" in namespace "core"`. */
export function describeResource({ resource, subresource, namespace, name }: Resource): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const which = name === undefined ? '' : ` "${name}"`;
  return `${what}${which}${namespace === undefined ? '' : ` in namespace "${namespace}"`}`;
}
