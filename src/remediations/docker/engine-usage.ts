import type Docker from 'dockerode';
import { z } from 'zod';
import { requestEngine } from './engine-request.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';

const labelsSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});

const imageSchema = z.object({
  Id: z.string().min(1),
  RepoTags: z
    .array(z.string())
    .nullish()
    .transform((tags) => tags ?? []),
  Created: z.number(),
  Size: z.number(),
  SharedSize: z.number(),
  Containers: z.number(),
  Labels: labelsSchema,
});

const containerSchema = z.object({
  State: z.string(),
  SizeRw: z.number().default(0),
});

const volumeSchema = z.object({
  Name: z.string().min(1),
  CreatedAt: z.string().optional(),
  Labels: labelsSchema,
  UsageData: z.object({ RefCount: z.number(), Size: z.number() }),
});

const cacheSchema = z.object({
  ID: z.string().min(1),
  InUse: z.boolean(),
  Shared: z.boolean(),
  Size: z.number(),
  CreatedAt: z.string(),
  LastUsedAt: z.string().nullish(),
});

/** Until version 1.51 of its API the engine gives lists; later a total of each, with a list when it is asked for it. */
const listsSchema = z.object({
  LayersSize: z.number(),
  Images: z.array(imageSchema).nullable(),
  Containers: z.array(containerSchema).nullable(),
  Volumes: z.array(volumeSchema).nullable(),
  BuildCache: z.array(cacheSchema).nullable(),
});

const totalOf = <T>(item: z.ZodType<T>) =>
  z.object({ TotalSize: z.number().default(0), Items: z.array(item).nullish() }).optional();

const totalsSchema = z.object({
  ImageUsage: totalOf(imageSchema),
  ContainerUsage: totalOf(containerSchema),
  VolumeUsage: totalOf(volumeSchema),
  BuildCacheUsage: totalOf(cacheSchema),
});

const usageSchema = z.union([
  listsSchema.transform(({ LayersSize, Images, Containers, Volumes, BuildCache }) => ({
    layersBytes: LayersSize,
    images: Images ?? [],
    containers: Containers ?? [],
    volumes: Volumes ?? [],
    cache: BuildCache ?? [],
  })),
  totalsSchema
    .refine((totals) => Object.values(totals).some((total) => total !== undefined), 'neither lists nor totals')
    .transform(({ ImageUsage, ContainerUsage, VolumeUsage, BuildCacheUsage }) => ({
      layersBytes: ImageUsage?.TotalSize ?? 0,
      images: ImageUsage?.Items ?? [],
      containers: ContainerUsage?.Items ?? [],
      volumes: VolumeUsage?.Items ?? [],
      cache: BuildCacheUsage?.Items ?? [],
    })),
]);

/** What the engine keeps on its disk, each thing by itself. Sizes are bytes; -1 is one that the engine does not know. */
export type EngineUsage = z.infer<typeof usageSchema>;

/** The engine's `GET /system/df`. It adds up every file of every volume, which can take minutes on a large disk. */
export async function readEngineUsage(docker: Docker, signal: AbortSignal): Promise<EngineUsage> {
  const what = 'reading the disk use of the engine';
  const query = { verbose: true };
  return parseEngineAnswer(
    usageSchema,
    await requestEngine(docker, { what, method: 'GET', path: '/system/df', query }, signal),
    what,
  );
}

/** The layers that no other image has. */
export function ownBytesOfImage({ Size, SharedSize }: EngineUsage['images'][number]): number {
  return Size - Math.max(0, SharedSize);
}

/** What is in a volume, as far as the engine can tell. */
export function bytesOfVolume({ UsageData }: EngineUsage['volumes'][number]): number {
  return Math.max(0, UsageData.Size);
}
