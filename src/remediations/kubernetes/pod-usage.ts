import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import { connectKubernetes, type KubernetesApi } from './connect-kubernetes.ts';
import { findNamespace, NAMESPACE_PARAM } from './find-namespace.ts';
import { requireSelector } from './label-selector.ts';
import { listOf } from './object-metadata.ts';
import { parseQuantity } from './parse-quantity.ts';
import { parseName } from './plain-name.ts';
import { listPods, type Pod } from './pod.ts';
import { RESOURCES } from './resource.ts';
import { readWorkload } from './workload.ts';

const MOST_PODS = 100;

const quantitySchema = z.string().transform((text, context) => {
  const value = parseQuantity(text);
  if (value !== undefined) return value;
  context.issues.push({ code: 'custom', message: `"${text}" is not a quantity`, input: text });
  return z.NEVER;
});

const podMetricsSchema = z.object({
  metadata: z.object({ name: z.string() }),
  containers: z.array(z.object({ usage: z.object({ cpu: quantitySchema, memory: quantitySchema }) })),
});

interface UsageData {
  readonly [key: string]: Json;
  readonly namespace: string;
  readonly deployment: string | null;
  readonly selector: string | null;
}

/** Reads what pods use. */
export const podUsage = defineRemediation({
  name: 'kubernetes.pod_usage',
  summary: 'Reads the processor and memory use of the pods of a Deployment, or of a label selector, as `kubectl top pod` does.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: ["metrics.k8s.io"], resources: ["pods"], verbs: ["list"] }` and `{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }`; with `deployment` also `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }`.',
    'The cluster needs metrics-server (or another that serves `metrics.k8s.io`); without it the step is `unavailable`. Its numbers are up to a minute old, and a pod that has just started has none yet.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    deployment: { type: 'string', description: 'The name of the Deployment.' },
    selector: { type: 'string', description: 'Instead of `deployment`: a label selector, e.g. `app=api,tier!=canary`.' },
    ...NAMESPACE_PARAM,
  },
  outputs: {
    pods: {
      type: 'list',
      description:
        'The 100 that use most memory, each with `pod`, `cpu` (cores), `memory` (bytes) and `memory_ratio` (of its limit; 0 without one).',
    },
    count: { type: 'int', description: 'Pods with numbers.' },
    cpu: { type: 'number', description: 'Cores, together.' },
    memory: { type: 'bytes', description: 'Bytes, together.' },
    worst_memory_ratio: { type: 'number', description: 'The largest `memory_ratio`.' },
  },
  example: {
    pods: [{ pod: 'api-5d9c7b-x2x9z', cpu: 0.25, memory: 134_217_728, memory_ratio: 0.5 }],
    count: 1,
    cpu: 0.25,
    memory: 134_217_728,
    worst_memory_ratio: 0.5,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan({ deployment, selector, namespace: wanted }, { connection }) {
    if ((deployment === undefined) === (selector === undefined)) {
      const code = deployment === undefined ? 'missing_value' : 'invalid_value';
      throw new StepError(code, 'give either `deployment` or `selector`', { happened: 'nothing' });
    }
    const namespace = findNamespace(connection, wanted);
    const data: UsageData = {
      namespace,
      deployment: deployment === undefined ? null : parseName('deployment', deployment),
      selector: selector === undefined ? null : requireSelector(selector, 'selector'),
    };
    const what = deployment === undefined ? `pods ${String(selector)}` : `deployment ${deployment}`;
    return Promise.resolve({ summary: `read the use of ${what} in ${namespace}`, identity: data, touches: [], data });
  },

  async run({ data: { namespace, deployment, selector } }, context) {
    const api = await connectKubernetes(context);
    const labels =
      selector ??
      (deployment === null ? '' : (await readWorkload(api, { kind: 'deployment', namespace, name: deployment })).spec.selector);
    const limits = new Map((await listPods(api, namespace, labels)).map((pod) => [pod.metadata.name, memoryLimitOf(pod)]));
    const metrics = await readMetrics(api, namespace, labels);
    const pods = metrics
      .map(({ metadata, containers }) => {
        const memory = sum(containers.map(({ usage }) => usage.memory));
        const limit = limits.get(metadata.name) ?? 0;
        return {
          pod: metadata.name,
          cpu: sum(containers.map(({ usage }) => usage.cpu)),
          memory,
          memory_ratio: limit > 0 ? memory / limit : 0,
        };
      })
      .sort((a, b) => b.memory - a.memory);
    return {
      pods: pods.slice(0, MOST_PODS),
      count: pods.length,
      cpu: sum(pods.map(({ cpu }) => cpu)),
      memory: sum(pods.map(({ memory }) => memory)),
      worst_memory_ratio: Math.max(0, ...pods.map((pod) => pod.memory_ratio)),
    };
  },
});

async function readMetrics(api: KubernetesApi, namespace: string, labelSelector: string) {
  const resource = { ...RESOURCES.podMetrics, namespace };
  try {
    return (await callApi(api, { verb: 'list', resource, query: { labelSelector } }, listOf(podMetricsSchema))).items;
  } catch (error) {
    // Lists of what the API server knows are never missing.
    if (!(error instanceof StepError) || error.code !== 'not_found') throw error;
    const message = 'the cluster does not serve metrics.k8s.io: install metrics-server, or ask Prometheus with prometheus.query';
    throw new StepError('unavailable', message, { happened: 'nothing', cause: error });
  }
}

/** Of all containers together; 0 when one has none, because then the pod has none. */
function memoryLimitOf({ spec }: Pod): number {
  const limits = spec.containers.map(({ resources }) => parseQuantity(resources?.limits?.['memory'] ?? '') ?? 0);
  return limits.includes(0) ? 0 : sum(limits);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
