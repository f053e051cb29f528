import type { ApiKind } from './api-kinds.ts';

export interface ApiPath {
  readonly kind: ApiKind;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** What a path of the API stands for; `undefined` for a path that is not served. */
export function parsePath(path: string, served: readonly ApiKind[]): ApiPath | undefined {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const group = parts[0] === 'apis' ? parts[1] : '';
  const [version, ...rest] = parts.slice(parts[0] === 'apis' ? 2 : 1);
  const isInNamespace = rest[0] === 'namespaces' && rest.length > 2;
  const [resource, name, subresource, ...more] = isInNamespace ? rest.slice(2) : rest;
  const kind = served.find((one) => one.group === group && one.version === version && one.resource === resource);
  const namespace = isInNamespace ? rest[1] : undefined;
  if (kind === undefined || more.length > 0 || (kind.isNamespaced && name !== undefined && namespace === undefined))
    return undefined;
  if (subresource !== undefined && !kind.subresources.includes(subresource)) return undefined;
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}
