import { z } from 'zod';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import { labelSelectorSchema } from './label-selector.ts';
import { metadataSchema } from './object-metadata.ts';
import { RESOURCES } from './resource.ts';
import type { WorkloadName } from './workload-name.ts';

const count = z.int().default(0);
const strategySchema = z
  .object({
    type: z.string().optional(),
    rollingUpdate: z.object({ partition: count }).nullish(),
  })
  .optional();

/** What we use of a Deployment, a StatefulSet or a DaemonSet. */
export const workloadSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    replicas: z.int().default(1),
    paused: z.boolean().default(false),
    selector: labelSelectorSchema,
    template: z.record(z.string(), z.json()),
    updateStrategy: strategySchema,
  }),
  status: z
    .object({
      observedGeneration: count,
      replicas: count,
      updatedReplicas: count,
      readyReplicas: count,
      availableReplicas: count,
      currentRevision: z.string().optional(),
      updateRevision: z.string().optional(),
      desiredNumberScheduled: count,
      updatedNumberScheduled: count,
      numberReady: count,
      numberAvailable: count,
      conditions: z
        .array(
          z.object({ type: z.string(), status: z.string(), reason: z.string().default(''), message: z.string().default('') }),
        )
        .nullish(),
    })
    .prefault({}),
});

export type Workload = z.infer<typeof workloadSchema>;

/** Reads it; `not_found` when there is none. */
export function readWorkload(api: KubernetesApi, { kind, namespace, name }: WorkloadName): Promise<Workload> {
  return callApi(api, { verb: 'get', resource: { ...RESOURCES[kind], namespace, name } }, workloadSchema);
}
