import type { Json } from '../../domain/json.ts';
import type { ContainerDetails } from './container-details.ts';

/** The limits of a container, as the engine holds them; 0 is none, -1 for `memorySwap` is no limit. */
export interface ResourceLimits {
  readonly [key: string]: Json;
  readonly memory: number;
  readonly memorySwap: number;
  readonly nanoCpus: number;
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
}

const NANO = 1e9;
/** The kernel's own period, in microseconds, for a container with a quota and no period. */
const DEFAULT_CPU_PERIOD = 100_000;

/** The limits that a container has. */
export function limitsOf(details: ContainerDetails): ResourceLimits {
  return {
    memory: details.memoryLimit,
    memorySwap: details.memorySwap,
    nanoCpus: details.nanoCpus,
    cpuPeriod: details.cpuPeriod,
    cpuQuota: details.cpuQuota,
  };
}

/** Whether two sets of limits are the same. Swap is left out: it follows memory, and an engine that cannot limit it says -1. */
export function areSameLimits(a: ResourceLimits, b: ResourceLimits): boolean {
  return (['memory', 'nanoCpus', 'cpuPeriod', 'cpuQuota'] as const).every((key) => a[key] === b[key]);
}

/**
 * Limits with a new one for memory or processors. `memorySwap` counts memory and swap together, and the engine refuses memory
 * above it: it moves along, so that the swap beside the memory stays what it was. A quota stays one, because the engine
 * refuses the other way of writing it beside it.
 */
export function withNewLimits(before: ResourceLimits, memory: number | undefined, cpus: number | undefined): ResourceLimits {
  return {
    ...before,
    ...(memory === undefined ? {} : { memory, memorySwap: moveSwap(before, memory) }),
    ...(cpus === undefined ? {} : cpuLimits(before, cpus)),
  };
}

/** The processors that the limits give: 0.5 is half of one, 0 no limit. */
export function cpusOf({ nanoCpus, cpuPeriod, cpuQuota }: ResourceLimits): number {
  if (nanoCpus > 0) return nanoCpus / NANO;
  return cpuQuota > 0 ? cpuQuota / (cpuPeriod > 0 ? cpuPeriod : DEFAULT_CPU_PERIOD) : 0;
}

function moveSwap({ memory: before, memorySwap }: ResourceLimits, memory: number): number {
  if (before === 0 || memorySwap <= 0) return -1;
  return memory + Math.max(0, memorySwap - before);
}

function cpuLimits({ cpuPeriod, cpuQuota }: ResourceLimits, cpus: number): Partial<ResourceLimits> {
  if (cpuPeriod === 0 && cpuQuota === 0) return { nanoCpus: Math.round(cpus * NANO) };
  const period = cpuPeriod > 0 ? cpuPeriod : DEFAULT_CPU_PERIOD;
  return { cpuPeriod: period, cpuQuota: Math.round(cpus * period) };
}
