export interface ApiKind {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly subresources: readonly string[];
}

const kind = (
  apiVersion: string,
  resource: string,
  name: string,
  { isNamespaced = true, subresources = [] }: { readonly isNamespaced?: boolean; readonly subresources?: readonly string[] } = {},
): ApiKind => {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return { group, version, resource, kind: name, isNamespaced, subresources };
};

/** What this API server serves. */
export const API_KINDS: readonly ApiKind[] = [
  kind('v1', 'pods', 'Pod', { subresources: ['log', 'exec'] }),
  kind('v1', 'events', 'Event'),
  kind('v1', 'configmaps', 'ConfigMap'),
  kind('v1', 'nodes', 'Node', { isNamespaced: false }),
  kind('v1', 'namespaces', 'Namespace', { isNamespaced: false }),
  kind('apps/v1', 'deployments', 'Deployment', { subresources: ['scale'] }),
  kind('apps/v1', 'replicasets', 'ReplicaSet'),
  kind('apps/v1', 'statefulsets', 'StatefulSet'),
  kind('apps/v1', 'daemonsets', 'DaemonSet'),
  kind('apps/v1', 'controllerrevisions', 'ControllerRevision'),
  kind('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
  kind('metrics.k8s.io/v1beta1', 'pods', 'PodMetrics'),
];

export function apiVersionOf({ group, version }: ApiKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The discovery documents, as kubectl asks for them before anything else; `undefined` for other paths. */
export function discover(path: string, served: readonly ApiKind[]): object | undefined {
  if (path === '/version') return { major: '1', minor: '32', gitVersion: 'v1.32.0' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: listGroups(served) };
  const kinds = served.filter((one) => path === (one.group === '' ? `/api/${one.version}` : `/apis/${apiVersionOf(one)}`));
  const [first] = kinds;
  if (first === undefined) return undefined;
  const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
  const resources = kinds.flatMap(({ resource, kind: name, isNamespaced, subresources }) => [
    { name: resource, singularName: name.toLowerCase(), namespaced: isNamespaced, kind: name, verbs },
    ...subresources.map((part) => ({
      name: `${resource}/${part}`,
      singularName: '',
      namespaced: true,
      ...describePart(part, name),
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(first), resources };
}

function describePart(part: string, name: string): object {
  if (part === 'scale') return { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] };
  return { kind: part === 'exec' ? 'PodExecOptions' : name, verbs: part === 'exec' ? ['create', 'get'] : ['get'] };
}

function listGroups(served: readonly ApiKind[]): readonly object[] {
  const groups = Map.groupBy(
    served.filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return [...groups].map(([name, [first]]) => {
    const version = { groupVersion: first === undefined ? name : apiVersionOf(first), version: first?.version ?? '' };
    return { name, versions: [version], preferredVersion: version };
  });
}
