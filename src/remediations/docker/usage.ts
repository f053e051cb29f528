import { z } from 'zod';

const cpuSchema = z.object({
  cpu_usage: z.object({ total_usage: z.number() }),
  system_cpu_usage: z.number().nullish(),
  online_cpus: z.number().nullish(),
});

const statsSchema = z.object({
  memory_stats: z.object({
    usage: z.number({ error: 'the engine reports no memory use; is the memory cgroup on, and does the container run?' }),
    limit: z.number().positive(),
    stats: z.record(z.string(), z.number()).nullish(),
  }),
  cpu_stats: cpuSchema,
  precpu_stats: cpuSchema,
  pids_stats: z.object({ current: z.number().nullish() }),
});

/** What a container uses, from the engine's `GET /containers/{id}/stats`, reckoned as `docker stats` does. */
export const usageSchema = statsSchema.transform((stats) => {
  const memoryUsage = readMemoryUsage(stats.memory_stats);
  return {
    memory_usage: memoryUsage,
    memory_limit: stats.memory_stats.limit,
    memory_ratio: memoryUsage / stats.memory_stats.limit,
    cpu_ratio: readCpuRatio(stats.cpu_stats, stats.precpu_stats),
    pids: stats.pids_stats.current ?? 0,
  };
});

export type Usage = z.infer<typeof usageSchema>;

/** Without the file cache that the kernel would give back first; cgroup v1 and v2 name it differently. */
function readMemoryUsage({ usage, stats }: z.infer<typeof statsSchema>['memory_stats']): number {
  const cache = stats?.['total_inactive_file'] ?? stats?.['inactive_file'] ?? 0;
  return cache < usage ? usage - cache : usage;
}

type Cpu = z.infer<typeof cpuSchema>;

function readCpuRatio(now: Cpu, before: Cpu): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const available = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  return used > 0 && available > 0 ? (used / available) * (now.online_cpus ?? 1) : 0;
}
