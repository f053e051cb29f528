import type Docker from 'dockerode';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { connectDocker } from './connect-docker.ts';
import type { ContainerDetails } from './container-details.ts';
import { parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { requestEngine } from './engine-request.ts';
import { findContainer, findUnlessGone } from './find-container.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { findPlanned, inspectChanged, planContainer } from './planned-container.ts';
import { lookAgainUntilOver } from './request-under-way.ts';
import { requireChangeable } from './require-changeable.ts';
import { areSameLimits, cpusOf, limitsOf, withNewLimits, type ResourceLimits } from './resource-limits.ts';
import { usageSchema } from './usage.ts';

/** The engine takes no less. */
const LEAST_MEMORY = 6 * 2 ** 20;

/** Changes the memory and processor limits of one container while it runs. */
export const updateContainer = defineRemediation({
  name: 'docker.update_container',
  summary: 'Changes the memory limit and the processors of one container, without a restart.',
  notes: [
    'Least privilege: `allow` of the connection lists the container names, and a socket proxy lets through `GET /containers/{name}/json`, `GET /containers/{name}/stats` (for a memory limit of a running container) and `POST /containers/{name}/update`; for Compose services also `GET /containers/json`.',
    'The limit of memory and swap together moves along with the memory limit, so that the swap beside it stays what it was. A memory limit at or below what the container uses is refused (`precondition_failed`), because the kernel would end its processes. Limits can be changed, not taken away.',
    'The container keeps the new limits over restarts, but not when it is made again: what Compose or a script says about it has to be changed as well.',
    'In doubt the limits are compared: the new ones, it is done; the old ones 20 seconds later, it is not; others, somebody else has changed them, unknown.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    ...SELECTION_PARAMS,
    memory: { type: 'bytes', min: LEAST_MEMORY, description: 'The new memory limit, at least 6MiB, e.g. `1GiB`.' },
    cpus: { type: 'number', min: 0.01, description: 'How many processors it may use, e.g. `1.5`.' },
  },
  outputs: {
    container: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id.' },
    memory: { type: 'bytes', description: 'Its memory limit now; 0 is none.' },
    previous_memory: { type: 'bytes', description: 'Its memory limit before.' },
    cpus: { type: 'number', description: 'The processors it may use now; 0 is no limit.' },
    previous_cpus: { type: 'number', description: 'The processors it could use before.' },
  },
  example: {
    container: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    memory: 1_073_741_824,
    previous_memory: 536_870_912,
    cpus: 0,
    previous_cpus: 0,
  },
  effect: () => 'change',
  inDoubt: 'look',

  async plan({ memory, cpus, ...params }, context) {
    const selection = parseSelection(params);
    if (memory === undefined && cpus === undefined) {
      throw new StepError('missing_value', 'give `memory` or `cpus`, or both', { happened: 'nothing' });
    }
    const docker = await connectDocker(context.connection);
    const details = await findContainer(docker, selection, context.signal);
    requireChangeable(details, context);
    if (memory !== undefined && details.isRunning) await requireAboveUsage(docker, details, memory, context.signal);
    const before = limitsOf(details);
    return {
      summary: `update container ${details.name}: ${describeChange(before, memory, cpus)}`,
      identity: { container: details.name, id: details.id, memory: memory ?? null, cpus: cpus ?? null },
      touches: [`docker:${context.connection.name}/${details.name}`],
      count: 1,
      data: { ...planContainer(details), before, after: withNewLimits(before, memory, cpus) },
    };
  },

  async run(plan, context) {
    const { id, name, before, after } = plan.data;
    const { docker, current } = await findPlanned(plan.data, context);
    if (!areSameLimits(limitsOf(current), before)) {
      const message = `the limits of container ${name} were changed since the plan was made; nothing was done`;
      throw new StepError('precondition_failed', message, { happened: 'nothing' });
    }
    await requestEngine(
      docker,
      {
        what: `updating container ${name}`,
        method: 'POST',
        path: `/containers/${id}/update`,
        body: createUpdate(before, after),
      },
      context.signal,
    );
    return createOutput(await inspectChanged(docker, name, 'was updated', context.signal), before);
  },

  async look(plan, startedAt, context) {
    const { id, name, before, after } = plan.data;
    const current = await findUnlessGone(await connectDocker(context.connection), name, context.signal);
    if (current?.id !== id) return { state: 'unknown' };
    const now = limitsOf(current);
    if (areSameLimits(now, after)) return { state: 'done', output: createOutput(current, before) };
    return areSameLimits(now, before) ? lookAgainUntilOver(startedAt, 0, context.clock.now()) : { state: 'unknown' };
  },
});

async function requireAboveUsage(docker: Docker, details: ContainerDetails, memory: number, signal: AbortSignal): Promise<void> {
  const what = `measuring container ${details.name}`;
  const query = { stream: false, 'one-shot': true };
  const answer = await requestEngine(docker, { what, method: 'GET', path: `/containers/${details.id}/stats`, query }, signal);
  const used = parseEngineAnswer(usageSchema, answer, what).memory_usage;
  if (memory > used) return;
  const message = `container ${details.name} uses ${used} bytes of memory: a limit of ${memory} bytes would end its processes`;
  throw new StepError('precondition_failed', message, { happened: 'nothing' });
}

/** Only what changes, because the engine refuses some limits beside others even when they stay as they are. */
function createUpdate(before: ResourceLimits, after: ResourceLimits): Readonly<Record<string, number>> {
  const isMemoryChanged = after.memory !== before.memory;
  return {
    ...(isMemoryChanged ? { Memory: after.memory, MemorySwap: after.memorySwap } : {}),
    ...(after.nanoCpus === before.nanoCpus ? {} : { NanoCpus: after.nanoCpus }),
    ...(after.cpuQuota === before.cpuQuota && after.cpuPeriod === before.cpuPeriod
      ? {}
      : { CpuPeriod: after.cpuPeriod, CpuQuota: after.cpuQuota }),
  };
}

function describeChange(before: ResourceLimits, memory: number | undefined, cpus: number | undefined): string {
  const parts = [
    ...(memory === undefined ? [] : [`memory ${before.memory === 0 ? 'without limit' : before.memory} to ${memory} bytes`]),
    ...(cpus === undefined
      ? []
      : [`cpus ${before.nanoCpus === 0 && before.cpuQuota <= 0 ? 'without limit' : cpusOf(before)} to ${cpus}`]),
  ];
  return parts.join(', ');
}

function createOutput(details: ContainerDetails, before: ResourceLimits) {
  const now = limitsOf(details);
  return {
    container: details.name,
    id: details.id,
    memory: now.memory,
    previous_memory: before.memory,
    cpus: cpusOf(now),
    previous_cpus: cpusOf(before),
  };
}
