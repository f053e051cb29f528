import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Json, JsonObject } from '../../domain/json.ts';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { requireSelector } from './label-selector.ts';
import { listOf, metadataSchema, type Metadata } from './object-metadata.ts';
import { RESOURCES } from './resource.ts';
import { describeWorkload, type WorkloadName } from './workload-name.ts';
import type { Workload } from './workload.ts';

/** What Kubernetes keeps of an earlier version of a workload. */
export interface Revision {
  readonly number: number;
  readonly template: JsonObject;
  /** The same for equal templates, whatever the order of their keys. */
  readonly digest: string;
}

const REVISION = 'deployment.kubernetes.io/revision';
/** The controller puts it into the template of each ReplicaSet; the Deployment's does not have it. */
const TEMPLATE_HASH = 'pod-template-hash';

const templateSchema = z.record(z.string(), z.json());
const replicaSetSchema = z.object({ metadata: metadataSchema, spec: z.object({ template: templateSchema }) });
const controllerRevisionSchema = z.object({
  metadata: metadataSchema,
  revision: z.int(),
  data: z.object({ spec: z.object({ template: templateSchema }) }),
});

/** The revisions of a workload, newest first: its own ReplicaSets or ControllerRevisions. */
export async function readRevisions(
  api: KubernetesApi,
  workload: WorkloadName,
  { metadata, spec }: Workload,
): Promise<readonly Revision[]> {
  const query = { labelSelector: requireSelector(spec.selector, `the selector of ${describeWorkload(workload)}`) };
  const isOwn = (object: { readonly metadata: Metadata }): boolean => object.metadata.controller?.uid === metadata.uid;
  const found =
    workload.kind === 'deployment'
      ? (await list(api, 'replicaset', workload, query, replicaSetSchema)).filter(isOwn).map((set) => ({
          number: Number(set.metadata.annotations[REVISION] ?? 0),
          template: withoutHash(set.spec.template),
        }))
      : (await list(api, 'controllerrevision', workload, query, controllerRevisionSchema)).filter(isOwn).map((kept) => ({
          number: kept.revision,
          template: without(kept.data.spec.template, '$patch'),
        }));
  return found
    .filter(({ number }) => Number.isSafeInteger(number) && number > 0)
    .sort((a, b) => b.number - a.number)
    .map((revision) => ({ ...revision, digest: digestOf(revision.template) }));
}

async function list<T>(
  api: KubernetesApi,
  kind: 'replicaset' | 'controllerrevision',
  { namespace }: WorkloadName,
  query: Readonly<Record<string, string>>,
  schema: z.ZodType<T>,
): Promise<readonly T[]> {
  const { items } = await callApi(api, { verb: 'list', resource: { ...RESOURCES[kind], namespace }, query }, listOf(schema));
  return items;
}

function withoutHash(template: JsonObject): JsonObject {
  const metadata = asObject(template['metadata']);
  return { ...template, metadata: { ...metadata, labels: without(asObject(metadata['labels']), TEMPLATE_HASH) } };
}

function asObject(value: Json | undefined): JsonObject {
  const parsed = templateSchema.safeParse(value);
  return parsed.success ? parsed.data : {};
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function digestOf(value: Json): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(value)))
    .digest('hex');
}

function sortKeys(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const entries = Object.entries(value).map(([key, item]): [string, Json] => [key, sortKeys(item)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
