import { dictAt, textAt } from './api-object.ts';
import { ApiStatus } from './api-status.ts';
import type { ApiRequest } from './handle-object.ts';
import type { ObjectStore } from './object-store.ts';

export interface LogLine {
  readonly text: string;
  /** Epoch ms. */
  readonly at: number;
}

export type PodLogs = Map<string, readonly LogLine[]>;

/** The log of a container, as the kubelet gives it. */
export function readLog(store: ObjectStore, logs: PodLogs, { path, query }: ApiRequest): string {
  const pod = store.get(path.kind, path.namespace, path.name ?? '');
  const { namespace = '', name } = pod.metadata;
  const listed = dictAt(pod, 'spec')['containers'];
  const names = Array.isArray(listed) ? listed.map((one) => textAt(one, 'name')) : [];
  const container = query.get('container') ?? (names.length === 1 ? names[0] : undefined);
  if (container === undefined) {
    const message = `a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`;
    throw new ApiStatus(400, 'BadRequest', message);
  }
  if (!names.includes(container)) throw new ApiStatus(400, 'BadRequest', `container ${container} is not valid for pod ${name}`);
  const isPrevious = query.get('previous') === 'true';
  const lines = logs.get(`${namespace}/${name}/${container}${isPrevious ? '/previous' : ''}`);
  if (lines === undefined && isPrevious) {
    throw new ApiStatus(400, 'BadRequest', `previous terminated container "${container}" in pod "${name}" not found`);
  }
  const since = query.get('sinceSeconds');
  const from = since === null ? 0 : Date.now() - Number(since) * 1_000;
  const recent = (lines ?? []).filter(({ at }) => at >= from);
  const tail = query.get('tailLines');
  const kept = tail === null ? recent : recent.slice(Math.max(0, recent.length - Number(tail)));
  return kept.map((line) => `${line.text}\n`).join('');
}
