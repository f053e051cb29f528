import { isDict, type Dict, type Value } from './api-object.ts';
import { ApiStatus } from './api-status.ts';

/** Lists that a strategic merge patch merges by a key, in the kinds that are served; other lists are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  conditions: 'type',
  ownerReferences: 'uid',
};

/** An object with a patch of the given content type; 415 for types that the API does not know. */
export function applyPatch(object: Dict, type: string, patch: unknown): Dict {
  switch (type) {
    case 'application/merge-patch+json':
      return requireDict(mergeInto(object, requireValue(patch), undefined));
    case 'application/strategic-merge-patch+json':
      return requireDict(mergeInto(object, requireValue(patch), MERGE_KEYS));
    case 'application/json-patch+json':
      return applyJsonPatch(object, patch);
    default:
      throw new ApiStatus(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json`,
      );
  }
}

function mergeInto(old: Value | undefined, patch: Value, keys: Readonly<Record<string, string>> | undefined): Value {
  if (!isDict(patch)) return patch;
  const isReplacing = keys !== undefined && patch['$patch'] === 'replace';
  const result: Dict = isDict(old) && !isReplacing ? { ...old } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (keys !== undefined && key === '$patch') continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else if (keys !== undefined && Array.isArray(value)) result[key] = mergeLists(result[key], value, keys[key], keys);
    else result[key] = mergeInto(result[key], value, keys);
  }
  return result;
}

function mergeLists(
  old: Value | undefined,
  patch: Value[],
  key: string | undefined,
  keys: Readonly<Record<string, string>>,
): Value[] {
  if (key === undefined || !Array.isArray(old)) return patch.map((item) => mergeInto(undefined, item, keys));
  const result = [...old];
  for (const item of patch) {
    const index = result.findIndex((one) => isDict(one) && isDict(item) && one[key] === item[key]);
    if (index === -1) result.push(mergeInto(undefined, item, keys));
    else result[index] = mergeInto(result[index], item, keys);
  }
  return result;
}

function applyJsonPatch(object: Dict, patch: unknown): Dict {
  if (!Array.isArray(patch)) throw new ApiStatus(400, 'BadRequest', 'a JSON patch is a list');
  let result: Value = structuredClone(object);
  for (const operation of patch) {
    if (!isDict(operation) || typeof operation['path'] !== 'string') throw new ApiStatus(400, 'BadRequest', 'not an operation');
    const path = operation['path']
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    result = edit(result, path, operation['op'], operation['value']);
  }
  return requireDict(result);
}

function edit(value: Value, [key, ...rest]: readonly string[], operation: Value | undefined, given: Value | undefined): Value {
  if (key === undefined || !isDict(value)) throw new ApiStatus(422, 'Invalid', 'the path of a JSON patch leads nowhere');
  const inner = value[key];
  if (rest.length > 0) return { ...value, [key]: edit(inner ?? null, rest, operation, given) };
  switch (operation) {
    case 'add':
      return { ...value, [key]: given ?? null };
    case 'replace':
      if (inner === undefined) throw new ApiStatus(422, 'Invalid', `there is no ${key} to replace`);
      return { ...value, [key]: given ?? null };
    case 'remove':
      return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
    case 'test':
      if (JSON.stringify(inner) === JSON.stringify(given)) return value;
      throw new ApiStatus(422, 'Invalid', `testing value /${key} failed`);
    default:
      throw new ApiStatus(400, 'BadRequest', 'an unknown operation');
  }
}

function requireValue(patch: unknown): Value {
  if (isDict(patch)) return patch;
  throw new ApiStatus(400, 'BadRequest', 'a patch is an object');
}

function requireDict(value: Value): Dict {
  if (isDict(value)) return value;
  throw new ApiStatus(422, 'Invalid', 'the patched object is none');
}
