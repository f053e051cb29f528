import { z } from 'zod';

const detailsSchema = z.object({
  Id: z.string().min(1),
  Name: z.string().startsWith('/'),
  RestartCount: z.int(),
  Config: z.object({ Image: z.string(), Tty: z.boolean() }),
  HostConfig: z.object({ Memory: z.int().default(0) }),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
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
  hasTty: details.Config.Tty,
  restartCount: details.RestartCount,
  memoryLimit: details.HostConfig.Memory,
  state: details.State.Status,
  isRunning: details.State.Running,
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
