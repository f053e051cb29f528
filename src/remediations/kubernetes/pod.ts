import { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { requireSelector } from './label-selector.ts';
import { listOf, metadataSchema } from './object-metadata.ts';
import { RESOURCES } from './resource.ts';

const terminatedSchema = z.object({
  reason: z.string().default(''),
  exitCode: z.int().default(0),
  finishedAt: z.string().nullish(),
});

const stateSchema = z
  .object({
    running: z.object({ startedAt: z.string().nullish() }).nullish(),
    waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).nullish(),
    terminated: terminatedSchema.nullish(),
  })
  .prefault({});

const containerStatusSchema = z.object({
  name: z.string(),
  ready: z.boolean().default(false),
  restartCount: z.int().default(0),
  containerID: z.string().optional(),
  state: stateSchema,
  lastState: stateSchema,
});

const quantities = z.record(z.string(), z.union([z.string(), z.number().transform(String)])).nullish();
const containerSchema = z.object({
  name: z.string(),
  image: z.string().default(''),
  resources: z.object({ limits: quantities, requests: quantities }).nullish(),
});

/** What we use of a pod. */
export const podSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(containerSchema),
    initContainers: z.array(containerSchema).nullish(),
  }),
  status: z
    .object({
      phase: z.string().default('Unknown'),
      reason: z.string().default(''),
      message: z.string().default(''),
      startTime: z.string().nullish(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().default(''),
            message: z.string().default(''),
          }),
        )
        .nullish(),
      containerStatuses: z.array(containerStatusSchema).nullish(),
      initContainerStatuses: z.array(containerStatusSchema).nullish(),
    })
    .prefault({}),
});

export type Pod = z.infer<typeof podSchema>;
export type ContainerStatus = z.infer<typeof containerStatusSchema>;

/** Reads it; `not_found` when there is none. */
export function readPod(api: KubernetesApi, namespace: string, name: string): Promise<Pod> {
  return callApi(api, { verb: 'get', resource: { ...RESOURCES.pod, namespace, name } }, podSchema);
}

/** The pods that a selector selects, by name. */
export async function listPods(api: KubernetesApi, namespace: string, selector: string): Promise<readonly Pod[]> {
  const query = { labelSelector: requireSelector(selector, 'the selector of the pods') };
  const { items } = await callApi(api, { verb: 'list', resource: { ...RESOURCES.pod, namespace }, query }, listOf(podSchema));
  return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** How often its containers were restarted, together. */
export function countRestarts({ status }: Pod): number {
  return (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** The container that is meant: the named one, the pod's default, or its only one; else `missing_value` or `not_found`. */
export function chooseContainer({ metadata, spec }: Pod, wanted: string | undefined): string {
  const all = [...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name);
  const chosen =
    wanted ??
    metadata.annotations['kubectl.kubernetes.io/default-container'] ??
    (spec.containers.length === 1 ? spec.containers[0]?.name : undefined);
  if (chosen === undefined) {
    throw new StepError('missing_value', `give \`container\`: pod ${metadata.name} has several: ${all.join(', ')}`, {
      happened: 'nothing',
    });
  }
  if (all.includes(chosen)) return chosen;
  throw new StepError('not_found', `pod ${metadata.name} has no container "${quoteLine(chosen)}"; it has: ${all.join(', ')}`, {
    happened: 'nothing',
  });
}
