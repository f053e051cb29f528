import type { ApiPath } from './api-path.ts';
import { ApiStatus } from './api-status.ts';

/** A rule of RBAC. Without a namespace it is one of a ClusterRole that is bound to the whole cluster. */
export interface AccessRule {
  readonly namespace?: string;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Lets a request through, or refuses it in the words of the real authorizer. */
export function authorize(user: string, rules: readonly AccessRule[], verb: string, path: ApiPath): void {
  const { kind, namespace, name, subresource } = path;
  const resource = subresource === undefined ? kind.resource : `${kind.resource}/${subresource}`;
  const isAllowed = rules.some(
    (rule) =>
      (rule.namespace === undefined || rule.namespace === namespace) &&
      rule.apiGroups.some((group) => group === '*' || group === kind.group) &&
      rule.resources.some((one) => one === '*' || one === resource) &&
      rule.verbs.some((one) => one === '*' || one === verb) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))),
  );
  if (isAllowed) return;
  const subject = `${kind.resource}${kind.group === '' ? '' : `.${kind.group}`}${name === undefined ? '' : ` "${name}"`}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message = `${subject} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${kind.group}" ${scope}`;
  throw new ApiStatus(403, 'Forbidden', message);
}
