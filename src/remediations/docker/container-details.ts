import { z } from 'zod';

const detailsSchema = z.object({
  Id: z.string().min(1),
  Name: z.string().startsWith('/'),
  RestartCount: z.int(),
  Image: z.string().default(''),
  Config: z.object({ Image: z.string(), Tty: z.boolean(), Labels: z.record(z.string(), z.string()).nullish() }),
  HostConfig: z.object({
    Memory: z.int().default(0),
    MemorySwap: z.int().default(0),
    NanoCpus: z.int().default(0),
    CpuPeriod: z.int().default(0),
    CpuQuota: z.int().default(0),
    AutoRemove: z.boolean().default(false),
  }),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    Paused: z.boolean().default(false),
    OOMKilled: z.boolean(),
    ExitCode: z.int(),
    StartedAt: z.string(),
    FinishedAt: z.string(),
    Health: z.object({ Status: z.string() }).nullish(),
  }),
});

/** What we use of the engine's `GET /containers/{id}/json`. */
export const containerDetailsSchema = detailsSchema.transform((details) => ({
  id: details.Id,
  name: details.Name.slice(1),
  image: details.Config.Image,
  /** What that name meant when the container was made, `sha256:…`. */
  imageId: details.Image,
  labels: details.Config.Labels ?? {},
  hasTty: details.Config.Tty,
  restartCount: details.RestartCount,
  memoryLimit: details.HostConfig.Memory,
  /** Memory and swap together; -1 is without limit, 0 not set. */
  memorySwap: details.HostConfig.MemorySwap,
  nanoCpus: details.HostConfig.NanoCpus,
  cpuPeriod: details.HostConfig.CpuPeriod,
  cpuQuota: details.HostConfig.CpuQuota,
  /** Whether the engine removes it when it stops. */
  isRemovedAtStop: details.HostConfig.AutoRemove,
  state: details.State.Status,
  isRunning: details.State.Running,
  isPaused: details.State.Paused,
  isOomKilled: details.State.OOMKilled,
  exitCode: details.State.ExitCode,
  health: details.State.Health?.Status ?? 'none',
  /** As the engine writes it, to the nanosecond: another text is another start. */
  startedAt: details.State.StartedAt,
  finishedAt: details.State.FinishedAt,
}));

export type ContainerDetails = z.infer<typeof containerDetailsSchema>;

/** An instant of the engine in milliseconds; the year 1 stands for never. */
export function toTimestamp(engineTime: string): string {
  const at = new Date(engineTime);
  return Number.isNaN(at.getTime()) ? '0001-01-01T00:00:00.000Z' : at.toISOString();
}
