/** Anything that JSON can say. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Dict = Record<string, Value>;

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller: boolean }[];
}

/** An object as it is kept. What it holds besides its metadata depends on its kind. */
export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [part: string]: unknown;
}

/** An object as a test or a client makes it. */
export interface NewObject {
  readonly metadata: Partial<ObjectMeta> & { readonly name: string };
  readonly [part: string]: unknown;
}

export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is at a path of keys; `undefined` where there is nothing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isDict(inner) ? inner[key] : undefined), value);
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** A copy as JSON has it. */
export function toDict(value: unknown): Dict {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  if (isDict(copy)) return copy;
  throw new Error('not an object');
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : 0;
}

export function dictAt(value: unknown, ...path: readonly string[]): Dict {
  const found = at(value, ...path);
  return isDict(found) ? found : {};
}
